/**
 * The two clocks of a subscription: money turns its periods, credits posts its grants.
 *
 * Period n and grant n are functions of (anchor, interval, n) in the zone; an epoch is the time between two anchors, and the
 * anchor that follows cuts the last period of the one before. While it is on trial, the trial's end is such an anchor.
 */
import * as Calendar from "../Calendar.ts"
import type * as ClientLifecycle from "../ClientLifecycle.ts"
import type { Instant } from "../Instant.ts"
import { creditClock, moneyClock } from "./Rights.ts"
import { isRunning, type Running, type State, type Status, type Subscription } from "./State.ts"

export interface MoneyPeriod {
  readonly anchor: Instant
  readonly epoch: number
  readonly index: number
  readonly periodStart: Instant
  readonly periodEnd: Instant
}

/** Period n of an epoch. */
export const moneyPeriod = (
  state: Pick<Subscription, "interval" | "zone" | "epoch">,
  anchor: Instant,
  index: number,
  trialEndsAt: Instant | null
): MoneyPeriod => {
  const { start, end } = Calendar.period(anchor, state.interval, state.zone, index)
  return { anchor, epoch: state.epoch, index, periodStart: start, periodEnd: Math.min(end, trialEndsAt ?? end) }
}

/** Where a running trial ends; a trial that has ended binds no more. */
export const trialEnd = (state: Subscription): Instant | null =>
  state.status === "trialing" ? state.trialEndsAt : null

/** The grant that is next in turn; `null` if credits never renew and have been granted. */
export const nextGrant = (state: Running): { readonly start: Instant; readonly end: Instant | null } | null => {
  const { creditAnchor, creditInterval, nextGrant: n, zone } = state
  if (creditInterval !== null) return Calendar.period(creditAnchor, creditInterval, zone, n)
  return n === 0 ? { start: creditAnchor, end: null } : null
}

/** The number of the grant that is current at an instant, or of the next if that has been posted. */
export const grantAt = (state: Running, at: Instant): number =>
  state.creditInterval === null
    ? state.nextGrant
    : Math.max(state.nextGrant, Calendar.indexAt(state.creditAnchor, state.creditInterval, state.zone, at))

export type NextCreditRenewal =
  | { readonly at: Instant; readonly because: null }
  | { readonly at: null; readonly because: "never_renews" | "none" | ClientLifecycle.Status | Status }

/** When credits renew next, or why they do not. */
export const nextCreditRenewal = (client: ClientLifecycle.Status, state: State): NextCreditRenewal => {
  if (!isRunning(state)) return { at: null, because: state?.status ?? "none" }
  if (creditClock(client, state) === "stopped")
    return { at: null, because: client === "active" ? state.status : client }
  const grant = nextGrant(state)
  return grant === null ? { at: null, because: "never_renews" } : { at: grant.start, because: null }
}

export interface Due {
  readonly command: "EndTrial" | "RenewMoney" | "Resume" | "RenewCredits"
  readonly at: Instant
}

/** What its clocks ask for next: the earliest, money before credits. */
export const due = (client: ClientLifecycle.Status, state: State): Due | null => {
  if (!isRunning(state)) return null
  const waiting: Array<Due> = []
  const money = moneyClock(client, state)
  if (state.pending?._tag === "Cancel" || (money !== "stopped" && money !== "ended"))
    waiting.push({ command: state.periodEnd === trialEnd(state) ? "EndTrial" : "RenewMoney", at: state.periodEnd })
  if (state.status === "paused" && state.resumesAt !== null && client === "active")
    waiting.push({ command: "Resume", at: Math.max(state.resumesAt, state.periodStart) })
  const renewal = nextCreditRenewal(client, state)
  if (renewal.at !== null) waiting.push({ command: "RenewCredits", at: renewal.at })
  return waiting.reduce<Due | null>((first, next) => (first === null || next.at < first.at ? next : first), null)
}
