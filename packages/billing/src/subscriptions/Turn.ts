/**
 * What falls due on the clocks of a subscription until an instant, one decision after another. Nothing here reads or
 * writes: the same clocks, turned again, fall due the same.
 */
import { Calendar, type ClientLifecycle, type Instant, Plan, Subscription } from "@capstan/domain"
import type { Organizations } from "@capstan/store"
import { Result } from "effect"

/** A grant of included credits: number n of an epoch. */
export interface Grant {
  readonly epoch: number
  readonly n: number
  readonly at: Instant.Instant
}

export interface Turned {
  readonly state: Subscription.Subscription
  readonly events: ReadonlyArray<Subscription.Event>
  readonly grants: ReadonlyArray<Grant>
  /** The promo allowance that is current, if the plan has one and it is served. */
  readonly allowance: Grant | null
  /** A trial has ended without a way to pay, and the organization suspends for that. */
  readonly suspends: boolean
  /** When to look again; null where no clock runs. */
  readonly next: Instant.Instant | null
}

export interface Facts {
  readonly plan: Plan.Version
  readonly client: ClientLifecycle.Status
  readonly settings: Organizations.Organization["settings"]
  readonly until: Instant.Instant
}

/** The most that one turn does: the rest is due at once, for the next. */
const most = 100
const day = 86_400_000

export const turn = (state: Subscription.Subscription, facts: Facts): Turned => {
  const { plan, settings, until } = facts
  const events: Array<Subscription.Event> = []
  const grants: Array<Grant> = []
  let present = state
  let client = facts.client
  let due = Subscription.due(client, present)
  for (let turns = 0; turns < most && due !== null && due.at <= until; turns++) {
    const decided = Subscription.decide(present, commandOf(due, client, settings))
    if (Result.isFailure(decided) || decided.success.length === 0) break
    for (const event of decided.success) {
      events.push(event)
      present = Subscription.evolve(present, event) ?? present
      if (event._tag === "CreditsRenewed") grants.push({ epoch: event.creditEpoch, n: event.grant, at: event.start })
      if (event._tag === "TrialEnded" && event.suspendClient) client = "suspended"
    }
    due = Subscription.due(client, present)
  }
  const { allowance, following } = allowanceOf(plan, present, client, until)
  const suspends = client !== facts.client
  return { state: present, events, grants, allowance, suspends, next: earliest(due?.at ?? null, following) }
}

/**
 * A trial of a plan that is not free ends as the organization has settled for want of a method, also where there is one:
 * nothing places the order that its first paid period would have, and it is not to be served for nothing.
 */
const commandOf = (
  { command, at }: Subscription.Due,
  client: ClientLifecycle.Status,
  { onTrialEndWithoutMethod: withoutMethod }: Facts["settings"]
): Subscription.Command =>
  command === "EndTrial"
    ? { _tag: command, at, client, hasMethod: false, withoutMethod, grace: 7 * day }
    : { _tag: command, at, client }

/** It has an interval of its own, counted from the anchor of the credit clock; missed ones leave nothing to post. */
const allowanceOf = (
  { terms }: Plan.Version,
  state: Subscription.Subscription,
  client: ClientLifecycle.Status,
  until: Instant.Instant
): { readonly allowance: Grant | null; readonly following: Instant.Instant | null } => {
  if (
    terms.promoAllowance === null ||
    !Subscription.isRunning(state) ||
    Subscription.creditClock(client, state) === "stopped" ||
    until < state.creditAnchor
  )
    return { allowance: null, following: null }
  const { creditAnchor, creditEpoch, zone } = state
  const { interval } = terms.promoAllowance
  const n = Calendar.indexAt(creditAnchor, interval, zone, until)
  const { start, end } = Calendar.period(creditAnchor, interval, zone, n)
  if (start < (state.importedAt ?? start)) return { allowance: null, following: end }
  return { allowance: { epoch: creditEpoch, n, at: start }, following: end }
}

const earliest = (a: Instant.Instant | null, b: Instant.Instant | null): Instant.Instant | null =>
  a === null ? b : b === null ? a : Math.min(a, b)
