/**
 * The life of a subscription.
 *
 *                                                            ┌─────────── Recover ───────────┐
 *   incomplete ──FirstOrderPaid──▶ trialing ──EndTrial──▶ active ──FailPayment──▶ past_due ──┘
 *     │   └──── free, or paid without a trial ─────────────▶ │ ▲                     │
 *     │                               │          Pause ▼     │ │ Resume              │ SpendRetries: cancel, or suspend
 *     Abandon                         │              paused ───┘                     │ the client
 *     └─────────▶ canceled ◀──────────┴──── a scheduled cancel at the period's end, Revoke
 *
 * Money periods and credit grants are counted from anchors (`Clocks`), and what each state allows is one table (`Rights`).
 * `canceled` is final. At most one change waits, and is applied once, by the command that turns the period; scheduling
 * another replaces it, a change of its kind made now drops it, and a cancel has to be taken back first. Others leave it.
 * The client's suspension is not copied here: it arrives with each command, so nothing has to be restored.
 */
import { Result } from "effect"
import type { Instant } from "./Instant.ts"
import type { Command, Of } from "./subscription/Command.ts"
import { type Event, evolve } from "./subscription/Event.ts"
import {
  type Change,
  isRunning,
  type Running,
  type State,
  type Status,
  type Subscription
} from "./subscription/State.ts"
import {
  activated,
  change,
  type Decision,
  endTrial,
  moveTrialEnd,
  reanchor,
  renewCredits,
  renewMoney,
  served,
  wentPastDue
} from "./subscription/Turn.ts"
import { imported } from "./subscription/Import.ts"

export { due, type Due, grantAt, nextCreditRenewal, type NextCreditRenewal, nextGrant } from "./subscription/Clocks.ts"
export { Command, Refusal } from "./subscription/Command.ts"
export { Event, evolve } from "./subscription/Event.ts"
export {
  clientRows,
  creditClock,
  moneyClock,
  type Policy,
  rights,
  type Rights,
  subscriptionRows
} from "./subscription/Rights.ts"
export {
  Amendment,
  CancelReason,
  Change,
  EndCause,
  initial,
  isRunning,
  type Running,
  State,
  Status,
  Subscription,
  Terms
} from "./subscription/State.ts"

const live: ReadonlyArray<Status | "none"> = ["incomplete", "trialing", "active", "past_due", "paused"]
const running: ReadonlyArray<Status | "none"> = ["trialing", "active", "past_due", "paused"]

/** Where each command has a meaning; elsewhere it is not possible. */
const possibleIn: { readonly [C in Command["_tag"]]: ReadonlyArray<Status | "none"> } = {
  Start: ["none"],
  Import: ["none"],
  Activate: live,
  FirstOrderPaid: live,
  Abandon: ["incomplete"],
  MoveTrialEnd: ["trialing"],
  EndTrial: ["trialing"],
  RenewMoney: live,
  RenewCredits: live,
  FailPayment: ["incomplete", "active", "past_due", "paused"],
  Recover: ["active", "past_due", "paused"],
  SpendRetries: ["past_due", "paused"],
  Change: live,
  ScheduleChange: running,
  SchedulePause: ["active"],
  DropPendingChange: running,
  ScheduleCancel: running,
  Uncancel: running,
  Revoke: live,
  Pause: ["active"],
  Resume: running,
  Reanchor: ["active", "past_due", "paused"]
}

/** These are about the current period, so it must be the one that holds their instant. */
const needsPresent: ReadonlyArray<Command["_tag"]> = [
  "MoveTrialEnd",
  "Change",
  "ScheduleChange",
  "SchedulePause",
  "DropPendingChange",
  "ScheduleCancel",
  "Uncancel",
  "Pause",
  "Resume",
  "Reanchor"
]

export const decide = (state: State, command: Command): Decision => {
  const status = state?.status ?? "none"
  const notPossible = Result.fail({ _tag: "NotPossible", command: command._tag, status } as const)
  if (!possibleIn[command._tag].includes(status)) return notPossible
  if (state === null)
    return command._tag === "Start" ? start(command) : command._tag === "Import" ? imported(command) : notPossible
  if (!isRunning(state)) return decideIncomplete(state, command)
  if (needsPresent.includes(command._tag)) {
    if (command.at < state.periodStart) return Result.fail({ _tag: "InThePast", at: command.at })
    if (command.at >= state.periodEnd) return Result.fail({ _tag: "PeriodOver", dueAt: state.periodEnd })
  }
  return decideRunning(state, command)
}

const start = (command: Of<"Start">): Decision => {
  const { at, client, terms, seats, zone, trial } = command
  if (client === "suspended" || client === "closed") return Result.fail({ _tag: "ClientNotActive", client })
  const started: Event = { _tag: "Started", at, terms, seats, zone, trial }
  const state = evolve(null, started)
  return Result.succeed([started, ...(state === null ? [] : activated(state, at, client))])
}

const decideIncomplete = (state: Subscription, command: Command): Decision => {
  const { at } = command
  switch (command._tag) {
    case "Activate":
      return command.client === "active"
        ? Result.succeed(activated(state, at, command.client))
        : Result.fail({ _tag: "ClientNotActive", client: command.client })
    case "FirstOrderPaid": {
      const events = firstPaid(state, at)
      return Result.succeed([...events, ...activated({ ...state, firstPaidAt: at }, at, command.client)])
    }
    case "Abandon":
      return Result.succeed([{ _tag: "Canceled", at, cause: "abandoned", reason: null, comment: null }])
    case "Revoke":
      return Result.succeed([{ ...command, _tag: "Canceled", cause: "revoked" }])
    case "Change":
      return Result.succeed([{ _tag: "Changed", at, change: command.change }])
    case "RenewMoney":
      return Result.fail({ _tag: "ClockStopped", clock: "money" })
    case "RenewCredits":
      return Result.fail({ _tag: "ClockStopped", clock: "credits" })
    case "Start":
    case "Import":
    case "MoveTrialEnd":
    case "EndTrial":
    case "FailPayment":
    case "Recover":
    case "SpendRetries":
    case "ScheduleChange":
    case "SchedulePause":
    case "DropPendingChange":
    case "ScheduleCancel":
    case "Uncancel":
    case "Pause":
    case "Resume":
    case "Reanchor":
      return nothing
  }
}

const decideRunning = (state: Running, command: Command): Decision => {
  const { at } = command
  switch (command._tag) {
    case "Start":
    case "Import":
    case "Activate":
    case "Abandon":
      return nothing
    case "FirstOrderPaid":
      return Result.succeed(firstPaid(state, at))
    case "MoveTrialEnd":
      return moveTrialEnd(state, command)
    case "EndTrial":
      return endTrial(state, command)
    case "RenewMoney":
      return renewMoney(state, command)
    case "RenewCredits":
      return renewCredits(state, command)
    case "FailPayment":
      return state.pastDueAt === null ? Result.succeed([wentPastDue(state, at, command.grace)]) : nothing
    case "Recover":
      return recover(state, command)
    case "SpendRetries":
      return spendRetries(state, command)
    case "Change":
      return change(state, command)
    case "ScheduleChange":
      return schedule(state, at, command.change)
    case "SchedulePause":
      return isAhead(command.resumesAt, state.periodEnd)
        ? schedule(state, at, { _tag: "Pause", resumesAt: command.resumesAt })
        : Result.fail({ _tag: "InThePast", at: state.periodEnd })
    case "DropPendingChange":
      return state.pending?._tag === "Cancel" ? cancelScheduled : dropPending(state, at)
    case "ScheduleCancel":
      return schedule(state, at, { _tag: "Cancel", reason: command.reason, comment: command.comment })
    case "Uncancel":
      return state.pending?._tag === "Cancel" ? dropPending(state, at) : noPendingChange
    case "Revoke":
      return Result.succeed([{ ...command, _tag: "Canceled", cause: "revoked" }])
    case "Pause":
      return isAhead(command.resumesAt, at)
        ? Result.succeed([{ _tag: "Paused", at, resumesAt: command.resumesAt }])
        : Result.fail({ _tag: "InThePast", at })
    case "Resume":
      return resume(state, command)
    case "Reanchor":
      return reanchor(state, command)
  }
}

const nothing: Decision = Result.succeed([])
const cancelScheduled: Decision = Result.fail({ _tag: "CancelScheduled" })
const noPendingChange: Decision = Result.fail({ _tag: "NoPendingChange" })

const isAhead = (end: Instant | null, at: Instant): boolean => end === null || end > at

const firstPaid = (state: Subscription, at: Instant): ReadonlyArray<Event> =>
  state.firstPaidAt === null ? [{ _tag: "FirstPaid", at }] : []

/** Whatever waited is replaced, except a cancel: that is taken back first. */
const schedule = (state: Running, at: Instant, waiting: Change): Decision =>
  state.pending?._tag === "Cancel"
    ? cancelScheduled
    : Result.succeed([{ _tag: "ChangeScheduled", at, change: waiting }])

const dropPending = (state: Running, at: Instant): Decision =>
  state.pending === null ? noPendingChange : Result.succeed([{ _tag: "PendingDropped", at }])

/** A payment is a fact, and is never refused; only what it gives depends on the rest. */
const recover = (state: Running, { at, client }: Of<"Recover">): Decision => {
  if (state.pastDueAt === null) return nothing
  const events: ReadonlyArray<Event> = [...firstPaid(state, at), { _tag: "Recovered", at }]
  return Result.succeed([...events, ...served(events.reduce<State>(evolve, state), at, client)])
}

const spendRetries = (state: Running, { at, outcome }: Of<"SpendRetries">): Decision => {
  if (state.pastDueAt === null)
    return Result.fail({ _tag: "NotPossible", command: "SpendRetries", status: state.status })
  if (outcome === "cancel")
    return Result.succeed([{ _tag: "Canceled", at, cause: "retries_spent", reason: null, comment: null }])
  return state.retriesSpentAt === null ? Result.succeed([{ _tag: "RetriesSpent", at }]) : nothing
}

/** Ends a pause, and serves again after a client's suspension was lifted: both compute from what is so now. */
const resume = (state: Running, { at, client }: Of<"Resume">): Decision => {
  if (client !== "active") return Result.fail({ _tag: "ClientNotActive", client })
  const events: ReadonlyArray<Event> = state.status === "paused" ? [{ _tag: "Unpaused", at }] : []
  return Result.succeed([...events, ...served(events.reduce<State>(evolve, state), at, client)])
}
