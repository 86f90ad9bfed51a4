/**
 * What a subscription may be asked, and how it refuses. `client` is the client's status as it is in effect, its ancestors
 * counted; `grace` is in milliseconds.
 */
import { Schema } from "effect"
import { Interval, Zone } from "../Calendar.ts"
import { Status as client } from "../ClientLifecycle.ts"
import { Instant } from "../Instant.ts"
import { Amendment, Cancellation, Seats, Status, Terms } from "./State.ts"

const Grace = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 366 * 86_400_000 }))

export const Command = Schema.TaggedUnion({
  Start: { at: Instant, client, terms: Terms, seats: Seats, zone: Zone, trial: Schema.NullOr(Interval) },
  /** It ran elsewhere, and goes on here: `paidUntil` ends its running period; null for wherever that ends. */
  Import: {
    at: Instant,
    client,
    terms: Terms,
    seats: Seats,
    zone: Zone,
    anchor: Instant,
    paidUntil: Schema.NullOr(Instant),
    trialEndsAt: Schema.NullOr(Instant)
  },
  Activate: { at: Instant, client },
  FirstOrderPaid: { at: Instant, client },
  Abandon: { at: Instant },
  MoveTrialEnd: { at: Instant, trialEndsAt: Instant },
  EndTrial: {
    at: Instant,
    client,
    hasMethod: Schema.Boolean,
    withoutMethod: Schema.Union([Schema.Literals(["cancel", "suspend", "pastDue"]), Schema.Struct({ toPlan: Terms })]),
    grace: Grace
  },
  RenewMoney: { at: Instant, client },
  RenewCredits: { at: Instant, client },
  FailPayment: { at: Instant, grace: Grace },
  Recover: { at: Instant, client },
  SpendRetries: { at: Instant, outcome: Schema.Literals(["cancel", "suspendClient"]) },
  Change: { at: Instant, client, change: Amendment },
  ScheduleChange: { at: Instant, change: Amendment },
  SchedulePause: { at: Instant, resumesAt: Schema.NullOr(Instant) },
  DropPendingChange: { at: Instant },
  ScheduleCancel: { at: Instant, ...Cancellation },
  Uncancel: { at: Instant },
  Revoke: { at: Instant, ...Cancellation },
  Pause: { at: Instant, resumesAt: Schema.NullOr(Instant) },
  Resume: { at: Instant, client },
  Reanchor: { at: Instant, client, anchor: Instant, clocks: Schema.Literals(["money", "credits", "both"]) }
})
export type Command = typeof Command.Type
export type Of<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

export const Refusal = Schema.TaggedUnion({
  NotPossible: { command: Schema.String, status: Schema.Union([Status, Schema.Literal("none")]) },
  ClientNotActive: { client },
  ClockStopped: { clock: Schema.Literals(["money", "credits"]) },
  NotDue: { dueAt: Instant },
  /** The clock is behind: what was due at `dueAt` comes first. */
  PeriodOver: { dueAt: Instant },
  NeverRenews: {},
  InThePast: { at: Instant },
  /** The running period does not end then; the ends that are nearest do. */
  NotPeriodEnd: { nearest: Schema.Array(Instant) },
  /** Further ahead than where the running period would end. */
  AnchorAhead: { latest: Instant },
  CancelScheduled: {},
  NoPendingChange: {}
})
export type Refusal = typeof Refusal.Type
