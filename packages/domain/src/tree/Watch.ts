/**
 * What is watched of a payer's wallet while it is spent from: that it runs low, that it is empty, that more is wanted.
 *
 * The rest of a recharge, such as its ceilings, no debit depends on: see `AutoRecharge`.
 */
import { Schema } from "effect"
import * as Credits from "../Credits.ts"
import { Instant } from "../Instant.ts"

export const Phase = Schema.Literals(["armed", "wanted", "in_flight", "cooling", "stopped"])
export type Phase = typeof Phase.Type

/** How a recharge stands, to whoever is refused for want of credits. */
export const Standing = Schema.Struct({
  phase: Phase,
  /** How often it has been wanted. */
  crossing: Schema.Natural,
  /** Why it waits or has stopped, where it does. */
  reason: Schema.NullOr(Schema.String),
  /** When it is looked at next; null where that is not known. */
  dueAt: Schema.NullOr(Instant)
})
export interface Standing extends Schema.Schema.Type<typeof Standing> {}

export interface Recharge extends Standing {
  readonly threshold: Credits.Credits
  /** The level at which the largest refused debit would have passed; 0 where none was, since more was last bought. */
  readonly target: Credits.Credits
}

/** What has been told since the level was last back. */
export const Notice = Schema.Literals(["none", "low", "out"])
export type Notice = typeof Notice.Type

export interface Watch {
  /** It is told of a level below this; null for never. */
  readonly low: Credits.Credits | null
  readonly notice: Notice
  /** Null where it is off. */
  readonly recharge: Recharge | null
}
