/** How an auto-recharge is configured, and where it stands. */
import { Schema } from "effect"
import * as Credits from "../Credits.ts"
import { Currency } from "../Currency.ts"
import * as Decline from "../Decline.ts"
import { Instant } from "../Instant.ts"
import { Minor } from "../Money.ts"
import * as Rate from "../Rate.ts"

export const Config = Schema.Struct({
  enabled: Schema.Boolean,
  /** A level below it is a crossing. */
  threshold: Credits.Amount,
  /** It is bought so many times over as are needed. */
  amount: Credits.Positive,
  /** Of money, in the client's own days and months; null for no ceiling. */
  maxPerDay: Schema.NullOr(Minor),
  maxPerMonth: Schema.NullOr(Minor),
  /** Milliseconds between a purchase and the next look. */
  cooldown: Schema.Natural,
  /** Of a credit, as the pack has it. */
  price: Rate.Rate,
  currency: Currency,
  /** Who agreed to be charged, and when. */
  consent: Schema.NullOr(Schema.Struct({ by: Schema.String, at: Instant }))
})
export interface Config extends Schema.Schema.Type<typeof Config> {}

/** What a crossing buys. */
export const Charge = Schema.Struct({
  crossing: Schema.Natural,
  credits: Credits.Positive,
  amount: Minor,
  at: Instant
})
export interface Charge extends Schema.Schema.Type<typeof Charge> {}

/** Why what is wanted is not bought yet. */
export const Waits = Schema.Literals([
  "not_allowed",
  "pack_archived",
  "wallet_full",
  "cap_reached",
  "ceiling_day",
  "ceiling_month"
])
export type Waits = typeof Waits.Type

export const Stopped = Schema.Struct({
  /** Where money went back, more is not bought before somebody says so. */
  why: Schema.Literals(["declined", "method_missing", "method_inactive", "refunded", "charged_back"]),
  /** Of a decline, as the provider has it. */
  class: Schema.NullOr(Decline.Class),
  code: Schema.NullOr(Schema.String),
  message: Schema.NullOr(Schema.String),
  at: Instant
})
export interface Stopped extends Schema.Schema.Type<typeof Stopped> {}

export const Phase = Schema.TaggedUnion({
  Off: {},
  Armed: {},
  Wanted: { waits: Schema.NullOr(Waits) },
  InFlight: { charge: Charge },
  Cooling: { since: Instant, until: Instant },
  Stopped: Stopped.fields
})
export type Phase = typeof Phase.Type

export const State = Schema.Struct({
  /** Null before it was ever configured. */
  config: Schema.NullOr(Config),
  phase: Phase,
  /** How often it was wanted. */
  crossing: Schema.Natural,
  /** The level at which the largest refused debit would have passed; 0 where none was, since more was last bought. */
  target: Credits.Sum,
  /** When it is to be looked at next; null for not before something happens. */
  dueAt: Schema.NullOr(Instant)
})
export interface State extends Schema.Schema.Type<typeof State> {}

export const initial: State = { config: null, phase: { _tag: "Off" }, crossing: 0, target: 0n, dueAt: null }

/** The level that is to be reached. */
export const goal = ({ config, target }: Pick<State, "config" | "target">): Credits.Credits =>
  Credits.max(config?.threshold ?? 0n, target)
