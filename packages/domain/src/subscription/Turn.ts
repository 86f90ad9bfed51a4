/**
 * Decisions that turn a clock: the start, a renewal, the trial's end, and whatever opens a new epoch.
 *
 * A command turns one period, however late it comes, so that none is left out. What waits for the period's end is applied
 * first: a cancel fires whatever else holds, even under suspension.
 */
import { Result } from "effect"
import * as Calendar from "../Calendar.ts"
import type * as ClientLifecycle from "../ClientLifecycle.ts"
import type { Instant } from "../Instant.ts"
import { grantAt, moneyPeriod, nextGrant, trialEnd } from "./Clocks.ts"
import type { Of, Refusal } from "./Command.ts"
import { type Event, evolve } from "./Event.ts"
import { creditClock, moneyClock } from "./Rights.ts"
import { isRunning, type Running, type State, type Subscription } from "./State.ts"

export type Decision = Result.Result<ReadonlyArray<Event>, Refusal>
type Client = ClientLifecycle.Status

/** Starts both clocks, once the client is active and the subscription is free, paid or on trial. */
export const activated = (state: Subscription, at: Instant, client: Client): ReadonlyArray<Event> => {
  if (client !== "active" || !(state.free || state.trial !== null || state.firstPaidAt !== null)) return []
  const trialEndsAt = state.trial === null ? null : Calendar.period(at, state.trial, state.zone, 0).end
  const period = moneyPeriod(state, at, 0, trialEndsAt)
  return [
    { _tag: "Activated", at, trialEndsAt, ...period, charge: state.trial === null, creditAnchor: at, creditEpoch: 0 }
  ]
}

export const moveTrialEnd = (state: Running, { at, trialEndsAt }: Of<"MoveTrialEnd">): Decision => {
  if (trialEndsAt < at) return Result.fail({ _tag: "InThePast", at: trialEndsAt })
  const { periodEnd } = moneyPeriod(state, state.anchor, state.index, trialEndsAt)
  return Result.succeed([{ _tag: "TrialMoved", at, trialEndsAt, periodEnd }])
}

export const endTrial = (state: Running, command: Of<"EndTrial">): Decision => {
  const { client, grace, hasMethod, withoutMethod } = command
  const at = trialEnd(state) ?? state.periodEnd
  if (command.at < at) return Result.fail({ _tag: "NotDue", dueAt: at })
  if (state.periodEnd < at) return Result.fail({ _tag: "PeriodOver", dueAt: state.periodEnd })
  if (state.pending?._tag === "Cancel") return Result.succeed([scheduledCancel(state.pending, at)])
  if (isStopped(client, state)) return Result.fail({ _tag: "ClockStopped", clock: "money" })
  const events = pendingApplied(state, at)
  const next = after(state, events)
  if (next.free || hasMethod) return Result.succeed([...events, trialEnded(next, at, client)])
  switch (withoutMethod) {
    case "cancel":
      return Result.succeed([{ _tag: "Canceled", at, cause: "trial_end", reason: null, comment: null }])
    case "suspend":
      return Result.succeed([...events, { ...trialEnded(next, at, client), charge: false, suspendClient: true }])
    case "pastDue":
      return Result.succeed([...events, trialEnded(next, at, client), wentPastDue(state, at, grace)])
  }
  const toPlan: Event = { _tag: "Changed", at, change: { _tag: "Plan", terms: withoutMethod.toPlan } }
  return Result.succeed([...events, toPlan, trialEnded(after(next, [toPlan]), at, client)])
}

export const renewMoney = (state: Running, command: Of<"RenewMoney">): Decision => {
  const { client } = command
  const at = state.periodEnd
  if (command.at < at) return Result.fail({ _tag: "NotDue", dueAt: at })
  if (trialEnd(state) === at) return Result.fail({ _tag: "PeriodOver", dueAt: at })
  if (state.pending?._tag === "Cancel") return Result.succeed([scheduledCancel(state.pending, at)])
  if (isStopped(client, state)) return Result.fail({ _tag: "ClockStopped", clock: "money" })
  const events = pendingApplied(state, at)
  const next = after(state, events)
  const period = isAlike(state.interval, next.interval)
    ? moneyPeriod(next, next.anchor, next.index + 1, trialEnd(next))
    : moneyPeriod({ ...next, epoch: next.epoch + 1 }, at, 0, trialEnd(next))
  const charge = moneyClock(client, next) === "runs"
  return Result.succeed([...events, { _tag: "MoneyRenewed", at, ...period, charge }, ...creditsFollow(state, next, at)])
}

export const renewCredits = (state: Running, { at, client }: Of<"RenewCredits">): Decision => {
  if (creditClock(client, state) === "stopped") return Result.fail({ _tag: "ClockStopped", clock: "credits" })
  const grant = nextGrant(state)
  if (grant === null) return Result.fail({ _tag: "NeverRenews" })
  if (at < grant.start) return Result.fail({ _tag: "NotDue", dueAt: grant.start })
  if (grant.start >= state.periodEnd) return Result.fail({ _tag: "PeriodOver", dueAt: state.periodEnd })
  const { creditEpoch, nextGrant: n } = state
  return Result.succeed([{ _tag: "CreditsRenewed", at, creditEpoch, grant: n, ...grant }])
}

/** A change at once. A plan with another interval starts a new period now; any other keeps the period. */
export const change = (state: Subscription, { at, client, change: amendment }: Of<"Change">): Decision => {
  if (state.pending?._tag === "Cancel" && amendment._tag !== "Seats") return Result.fail({ _tag: "CancelScheduled" })
  const changed: Event = { _tag: "Changed", at, change: amendment }
  if (!isRunning(state)) return Result.succeed([changed])
  const next = after(state, [changed])
  const turned: ReadonlyArray<Event> = isAlike(state.interval, next.interval)
    ? []
    : [moneyReanchored(next, at, at, client)]
  return Result.succeed([changed, ...turned, ...creditsFollow(state, next, at)])
}

/** Up to an anchor ahead the current period goes on, and what waits then waits for that. */
export const reanchor = (state: Running, { anchor, at, client, clocks }: Of<"Reanchor">): Decision => {
  if (anchor < at) return Result.fail({ _tag: "InThePast", at: anchor })
  const money: ReadonlyArray<Event> = clocks === "credits" ? [] : [moneyReanchored(state, at, anchor, client)]
  const credits = clocks === "money" || state.creditInterval === null ? [] : [creditsReanchored(state, at, anchor)]
  return Result.succeed([...money, ...credits])
}

export const wentPastDue = (state: Subscription, at: Instant, grace: number): Event => ({
  _tag: "WentPastDue",
  at,
  graceEndsAt: state.firstPaidAt === null ? at : at + grace
})

/** Service taken up again, where it was broken off: a period that has not been charged, grants that were not posted. */
export const served = (state: State, at: Instant, client: Client): ReadonlyArray<Event> => {
  if (!isRunning(state) || creditClock(client, state) === "stopped") return []
  const charge = !state.charged && at < state.periodEnd && moneyClock(client, state) === "runs"
  const grant = grantAt(state, at)
  return charge || grant !== state.nextGrant ? [{ _tag: "ServiceResumed", at, charge, nextGrant: grant }] : []
}

const isStopped = (client: Client, state: Running): boolean => {
  const clock = moneyClock(client, state)
  return clock === "stopped" || clock === "ended"
}

const isAlike = (a: Calendar.Interval | null, b: Calendar.Interval | null): boolean =>
  a?.unit === b?.unit && a?.count === b?.count

const after = (state: Running, events: ReadonlyArray<Event>): Running => {
  const next = events.reduce<State>(evolve, state)
  return isRunning(next) ? next : state
}

const scheduledCancel = (
  { comment, reason }: Pick<Of<"ScheduleCancel">, "comment" | "reason">,
  at: Instant
): Event => ({ _tag: "Canceled", at, cause: "period_end", reason, comment })

const pendingApplied = ({ pending }: Running, at: Instant): ReadonlyArray<Event> => {
  switch (pending?._tag) {
    case "Plan":
    case "Seats":
    case "Price":
      return [{ _tag: "Changed", at, change: pending }]
    case "Pause":
      return [{ _tag: "Paused", at, resumesAt: pending.resumesAt }]
    case "Cancel":
    case undefined:
      return []
  }
}

const trialEnded = (state: Running, at: Instant, client: Client) =>
  ({
    _tag: "TrialEnded",
    at,
    suspendClient: false,
    ...moneyPeriod({ ...state, epoch: state.epoch + 1 }, at, 0, null),
    charge: moneyClock(client, { ...state, status: "active" }) === "runs",
    ...(state.creditInterval === null ? creditsOf(state) : { creditAnchor: at, creditEpoch: state.creditEpoch + 1 })
  }) as const

const moneyReanchored = (state: Running, at: Instant, anchor: Instant, client: Client): Event => {
  const epoch = state.epoch + 1
  return anchor === at
    ? {
        _tag: "MoneyReanchored",
        at,
        ...moneyPeriod({ ...state, epoch }, anchor, 0, trialEnd(state)),
        charge: moneyClock(client, state) === "runs"
      }
    : {
        _tag: "MoneyReanchored",
        at,
        anchor,
        epoch,
        index: -1,
        periodStart: state.periodStart,
        periodEnd: anchor,
        charge: false
      }
}

const creditsOf = ({ creditAnchor, creditEpoch }: Running) => ({ creditAnchor, creditEpoch })

const creditsReanchored = (state: Running, at: Instant, anchor: Instant): Event => ({
  _tag: "CreditsReanchored",
  at,
  creditAnchor: anchor,
  creditEpoch: state.creditEpoch + 1
})

/** Credits start anew where a plan renews them at another interval. */
const creditsFollow = (before: Running, next: Running, at: Instant): ReadonlyArray<Event> =>
  isAlike(before.creditInterval, next.creditInterval) ? [] : [creditsReanchored(next, at, at)]
