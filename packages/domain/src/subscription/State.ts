/**
 * What a subscription is, as one flat row.
 *
 * Times are instants; intervals and zones are the Calendar's. `trial`, like the billing and the credit interval, is a length:
 * it starts with the clocks, so that a client who has not been onboarded uses up none of it.
 */
import { Schema } from "effect"
import { Interval, Zone } from "../Calendar.ts"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"

export const Status = Schema.Literals(["incomplete", "trialing", "active", "past_due", "paused", "canceled"])
export type Status = typeof Status.Type

export const CancelReason = Schema.Literals([
  "customer_service",
  "low_quality",
  "missing_features",
  "switched_service",
  "too_complex",
  "too_expensive",
  "unused",
  "other"
])
export type CancelReason = typeof CancelReason.Type

export const Cancellation = {
  reason: Schema.NullOr(CancelReason),
  comment: Schema.NullOr(Schema.String.check(Schema.isMaxLength(500)))
}

/** What the pinned version of a plan says about time. A credit interval of `null` never renews: one grant, at the start. */
export const Terms = Schema.Struct({
  plan: Id,
  free: Schema.Boolean,
  interval: Interval,
  creditInterval: Schema.NullOr(Interval)
})
export interface Terms extends Schema.Schema.Type<typeof Terms> {}

export const Seats = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

const amendments = { Plan: { terms: Terms }, Seats: { seats: Seats }, Price: { price: Id } }

/** What may be changed at once, or wait. */
export const Amendment = Schema.TaggedUnion(amendments)
export type Amendment = typeof Amendment.Type

/** What may wait for the end of the period: at most one at a time. */
export const Change = Schema.TaggedUnion({
  ...amendments,
  Pause: { resumesAt: Schema.NullOr(Instant) },
  Cancel: Cancellation
})
export type Change = typeof Change.Type

export const EndCause = Schema.Literals(["abandoned", "revoked", "period_end", "trial_end", "retries_spent"])
export type EndCause = typeof EndCause.Type

export const Subscription = Schema.Struct({
  status: Status,
  ...Terms.fields,
  price: Schema.NullOr(Id),
  seats: Seats,
  zone: Zone,
  trial: Schema.NullOr(Interval),
  trialEndsAt: Schema.NullOr(Instant),
  firstPaidAt: Schema.NullOr(Instant),
  /** Money clock: null until it starts. Index -1 is what is left before an anchor that lies ahead. */
  anchor: Schema.NullOr(Instant),
  epoch: Schema.Natural,
  index: Schema.Int,
  periodStart: Schema.NullOr(Instant),
  periodEnd: Schema.NullOr(Instant),
  /** Whether the current period has been charged; one that went unserved has not. */
  charged: Schema.Boolean,
  /** Credit clock: null until it starts. */
  creditAnchor: Schema.NullOr(Instant),
  creditEpoch: Schema.Natural,
  nextGrant: Schema.Natural,
  /** What was to be given before that was given elsewhere. */
  importedAt: Schema.optionalKey(Instant),
  pending: Schema.NullOr(Change),
  pastDueAt: Schema.NullOr(Instant),
  graceEndsAt: Schema.NullOr(Instant),
  retriesSpentAt: Schema.NullOr(Instant),
  resumesAt: Schema.NullOr(Instant),
  endedAt: Schema.NullOr(Instant),
  endCause: Schema.NullOr(EndCause),
  cancelReason: Cancellation.reason,
  cancelComment: Cancellation.comment
})
export interface Subscription extends Schema.Schema.Type<typeof Subscription> {}

/** `null` before it starts: no row. */
export const State = Schema.NullOr(Subscription)
export type State = typeof State.Type

export const initial: State = null

/** A subscription whose clocks have started, and have not ended. */
export interface Running extends Subscription {
  readonly anchor: Instant
  readonly periodStart: Instant
  readonly periodEnd: Instant
  readonly creditAnchor: Instant
}

export const isRunning = (state: State): state is Running =>
  state !== null &&
  state.status !== "incomplete" &&
  state.status !== "canceled" &&
  state.anchor !== null &&
  state.periodStart !== null &&
  state.periodEnd !== null &&
  state.creditAnchor !== null
