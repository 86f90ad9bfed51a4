/**
 * What a debit of one client depends on: the line from the client up to the root of its tree, the wallet it draws on,
 * and the caps of that line, each with its present window.
 */
import { Schema } from "effect"
import type * as ClientLifecycle from "../ClientLifecycle.ts"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import * as SpendingCap from "../SpendingCap.ts"
import type * as Subscription from "../Subscription.ts"
import * as Wallet from "../Wallet.ts"
import type { Watch } from "./Watch.ts"

export interface Member {
  readonly id: Id
  readonly lifecycle: ClientLifecycle.State
  /** Of its base subscription, what decides on use; null without one. */
  readonly subscription: Pick<Subscription.Subscription, "graceEndsAt" | "status"> | null
}

/** The cap window that a hold or an entry counts in. */
export const Place = Schema.Struct({
  cap: Id,
  start: Instant,
  end: Schema.NullOr(Instant),
  scope: SpendingCap.Scope
})
export interface Place extends Schema.Schema.Type<typeof Place> {}

/** By how much an entry changes a window. */
export const Count = Schema.Struct({ ...Place.fields, used: Cost, held: Cost })
export interface Count extends Schema.Schema.Type<typeof Count> {}

export const Outcome = Schema.Literals(["captured", "released", "expired"])
export type Outcome = typeof Outcome.Type

/** What becomes of a hold that nobody settles: its credits come back, or, of a lease, they are taken for spent. */
export const AtEnd = Schema.Literals(["release", "capture"])
export type AtEnd = typeof AtEnd.Type

/** Credits set aside for a client until they are captured or released. A lease is one that is captured at its end. */
export const Hold = Schema.Struct({
  id: Id,
  client: Id,
  payer: Id,
  amount: Credits.Amount,
  portions: Schema.Array(Wallet.Portion),
  places: Schema.Array(Place),
  /** Who is to spend them, and on which meter, where that was said. */
  member: Schema.NullOr(Schema.String),
  meter: Schema.NullOr(Schema.String),
  expiresAt: Instant,
  atEnd: AtEnd,
  /** The other half of it, where a move has cut it: in another tree, as a hold of its own. */
  twin: Schema.NullOr(Id),
  outcome: Schema.NullOr(Outcome)
})
export interface Hold extends Schema.Schema.Type<typeof Hold> {}

export interface Branch {
  /** The spender first, the root last. */
  readonly line: readonly [Member, ...ReadonlyArray<Member>]
  /** Whose wallet it is: the spender's, or an ancestor's. */
  readonly payer: Id
  /** The client draws on it no longer: what holds have pinned there is settled, and nothing else. */
  readonly former: boolean
  readonly terms: Wallet.Terms
  readonly policy: Subscription.Policy
  readonly wallet: Wallet.State
  readonly counters: ReadonlyArray<SpendingCap.Counter>
  /** What is watched of the payer's wallet; null for nothing. */
  readonly watch: Watch | null
  /** The holds that the commands at hand name. */
  readonly holds: ReadonlyArray<Hold>
}
