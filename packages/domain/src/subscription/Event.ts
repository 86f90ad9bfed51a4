/**
 * What has happened to a subscription, and what it makes of its row.
 */
import { Schema } from "effect"
import { Interval, Zone } from "../Calendar.ts"
import { Instant } from "../Instant.ts"
import { Amendment, Cancellation, Change, EndCause, Seats, Terms, type State, type Subscription } from "./State.ts"

const Money = {
  anchor: Instant,
  epoch: Schema.Natural,
  index: Schema.Int,
  periodStart: Instant,
  periodEnd: Instant,
  /** Whether the period has an order. */
  charge: Schema.Boolean
}
const Credits = { creditAnchor: Instant, creditEpoch: Schema.Natural }

export const Event = Schema.TaggedUnion({
  Started: { at: Instant, terms: Terms, seats: Seats, zone: Zone, trial: Schema.NullOr(Interval) },
  FirstPaid: { at: Instant },
  /** Both clocks start. */
  Activated: { at: Instant, trialEndsAt: Schema.NullOr(Instant), ...Money, ...Credits },
  /** Both clocks run on: the period and its grant are paid and given already. */
  Imported: { at: Instant, trialEndsAt: Schema.NullOr(Instant), ...Money, ...Credits, nextGrant: Schema.Natural },
  TrialMoved: { at: Instant, trialEndsAt: Instant, periodEnd: Instant },
  /** Both clocks start anew; credits that never renew stay as they are. */
  TrialEnded: { at: Instant, suspendClient: Schema.Boolean, ...Money, ...Credits },
  MoneyRenewed: { at: Instant, ...Money },
  MoneyReanchored: { at: Instant, ...Money },
  /** Grant n of the epoch is posted. */
  CreditsRenewed: {
    at: Instant,
    creditEpoch: Schema.Natural,
    grant: Schema.Natural,
    start: Instant,
    end: Schema.NullOr(Instant)
  },
  CreditsReanchored: { at: Instant, ...Credits },
  WentPastDue: { at: Instant, graceEndsAt: Instant },
  Recovered: { at: Instant },
  RetriesSpent: { at: Instant },
  /** Served again: the current period is charged if it was not, and grants that went unserved are passed over. */
  ServiceResumed: { at: Instant, charge: Schema.Boolean, nextGrant: Schema.Natural },
  Changed: { at: Instant, change: Amendment },
  ChangeScheduled: { at: Instant, change: Change },
  PendingDropped: { at: Instant },
  Paused: { at: Instant, resumesAt: Schema.NullOr(Instant) },
  Unpaused: { at: Instant },
  Canceled: { at: Instant, cause: EndCause, ...Cancellation }
})
export type Event = typeof Event.Type

/** Total on what `decide` can emit; any other pairing is a corrupt history, and leaves the state as it was. */
export const evolve = (state: State, event: Event): State => {
  if (event._tag === "Started") return started(event)
  if (state === null || state.status === "canceled") return state
  switch (event._tag) {
    case "FirstPaid":
      return { ...state, firstPaidAt: event.at }
    case "Activated":
      return {
        ...state,
        ...money(event),
        ...credits(state, event),
        status: event.trialEndsAt === null ? "active" : "trialing",
        trialEndsAt: event.trialEndsAt
      }
    case "Imported": {
      const { at, trialEndsAt, creditAnchor, creditEpoch, nextGrant } = event
      const isTrial = trialEndsAt !== null
      return {
        ...state,
        ...money(event),
        status: isTrial ? "trialing" : "active",
        trialEndsAt,
        charged: !isTrial,
        firstPaidAt: isTrial ? null : at,
        creditAnchor,
        creditEpoch,
        nextGrant,
        importedAt: at
      }
    }
    case "TrialMoved":
      return { ...state, trialEndsAt: event.trialEndsAt, periodEnd: event.periodEnd }
    case "TrialEnded":
      return { ...state, ...money(event), ...credits(state, event), status: "active" }
    case "MoneyRenewed":
      return { ...state, ...money(event) }
    case "MoneyReanchored":
      return { ...state, ...money(event), charged: event.charge || (event.index < 0 && state.charged) }
    case "CreditsRenewed":
      return { ...state, nextGrant: event.grant + 1 }
    case "CreditsReanchored":
      return { ...state, ...credits(state, event) }
    case "WentPastDue":
      return {
        ...state,
        status: state.status === "active" ? "past_due" : state.status,
        pastDueAt: event.at,
        graceEndsAt: event.graceEndsAt
      }
    case "Recovered":
      return {
        ...state,
        status: state.status === "past_due" ? "active" : state.status,
        pastDueAt: null,
        graceEndsAt: null,
        retriesSpentAt: null
      }
    case "RetriesSpent":
      return { ...state, retriesSpentAt: event.at, graceEndsAt: Math.min(state.graceEndsAt ?? event.at, event.at) }
    case "ServiceResumed":
      return { ...state, charged: state.charged || event.charge, nextGrant: event.nextGrant }
    case "Changed":
      return {
        ...amended(state, event.change),
        pending: isSuperseded(state.pending, event.change) ? null : state.pending
      }
    case "ChangeScheduled":
      return { ...state, pending: event.change }
    case "PendingDropped":
      return { ...state, pending: null }
    case "Paused":
      return {
        ...state,
        status: "paused",
        resumesAt: event.resumesAt,
        pending: state.pending?._tag === "Pause" ? null : state.pending
      }
    case "Unpaused":
      return { ...state, status: state.pastDueAt === null ? "active" : "past_due", resumesAt: null }
    case "Canceled":
      return {
        ...state,
        status: "canceled",
        pending: null,
        resumesAt: null,
        endedAt: event.at,
        endCause: event.cause,
        cancelReason: event.reason,
        cancelComment: event.comment
      }
  }
}

const started = ({ terms, seats, zone, trial }: typeof Event.cases.Started.Type): Subscription => ({
  status: "incomplete",
  ...terms,
  price: null,
  seats,
  zone,
  trial,
  trialEndsAt: null,
  firstPaidAt: null,
  anchor: null,
  epoch: 0,
  index: 0,
  periodStart: null,
  periodEnd: null,
  charged: false,
  creditAnchor: null,
  creditEpoch: 0,
  nextGrant: 0,
  pending: null,
  pastDueAt: null,
  graceEndsAt: null,
  retriesSpentAt: null,
  resumesAt: null,
  endedAt: null,
  endCause: null,
  cancelReason: null,
  cancelComment: null
})

type Money = Schema.Struct.Type<typeof Money>
type Credits = Schema.Struct.Type<typeof Credits>

const money = ({ anchor, epoch, index, periodStart, periodEnd, charge }: Money) => ({
  anchor,
  epoch,
  index,
  periodStart,
  periodEnd,
  charged: charge
})

const credits = (state: Subscription, { creditAnchor, creditEpoch }: Credits) => ({
  creditAnchor,
  creditEpoch,
  nextGrant: creditEpoch === state.creditEpoch ? state.nextGrant : 0
})

/** A new plan brings its own price. */
const amended = (state: Subscription, change: Amendment): Subscription => {
  switch (change._tag) {
    case "Plan":
      return { ...state, ...change.terms, price: null }
    case "Seats":
      return { ...state, seats: change.seats }
    case "Price":
      return { ...state, price: change.price }
  }
}

/** A change made now drops one of its kind that waits; a new plan drops also the seats and the price that wait for the old one. */
const isSuperseded = (pending: Change | null, change: Amendment): boolean =>
  pending !== null &&
  (pending._tag === change._tag || (change._tag === "Plan" && (pending._tag === "Seats" || pending._tag === "Price")))
