/**
 * What lifting the operator's suspension of a client would come to, from present facts: nothing is written. The preview tells
 * it, and the reactivation does it, so both are one computation.
 *
 * Nothing in it is the instant itself: it stays the same until something that it depends on changes, or is due.
 */
import {
  Calendar,
  ClientLifecycle,
  type Credits,
  type Currency,
  type Id,
  type Instant,
  type Order,
  Plan,
  Subscription,
  Tree
} from "@capstan/domain"
import {
  type Caller,
  Clients,
  ClientView,
  type Database,
  Organizations,
  PaymentMethods,
  Plans,
  Subscriptions
} from "@capstan/store"
import { Result } from "effect"
import { fromAbove, type Refused, statusOf } from "../Doors.ts"
import { lineOf } from "../subscriptions/BillPeriod.ts"
import { resumption, type Resumption } from "../subscriptions/Resumption.ts"
import { plansOf } from "../subscriptions/Serve.ts"
import { lifted } from "../subscriptions/SettlePeriod.ts"
import { turn, type Turned } from "../subscriptions/Turn.ts"

export interface Charge {
  readonly payer: Id.Id
  readonly amount: Order.Line["amount"]
  readonly currency: Currency.Currency
  readonly lines: ReadonlyArray<Order.Line>
  /** The default of whoever pays; null where there is none. */
  readonly method: Pick<
    PaymentMethods.PaymentMethod,
    "brand" | "connection" | "id" | "inactive" | "last4" | "type"
  > | null
}

interface OfSubscription {
  readonly id: Id.Id
  readonly outcome: "canceled" | "past_due" | "resumes" | "unserved"
  readonly status: Subscription.Status
  readonly plan: string
  readonly periodStart: Instant.Instant | null
  readonly periodEnd: Instant.Instant | null
  /** The included credits that are granted. */
  readonly grant: { readonly credits: Credits.Credits; readonly from: Instant.Instant } | null
  readonly nextCreditRenewalAt: Instant.Instant | null
  /** What went unserved for good. */
  readonly skipped: { readonly periods: number; readonly grants: number }
}

export interface Forecast extends ClientLifecycle.Standing<Id.Id> {
  /** How many clients are served again: itself, and those below it that nothing else holds up. */
  readonly served: number
  readonly subscription: OfSubscription | null
  readonly charge: Charge | null
}

/** Beside it what the charge would be made of. */
export interface Foreseen {
  readonly forecast: Forecast
  readonly base: Subscriptions.Subscription | null
  readonly resumption: Resumption | null
}

export const foresee = async (
  db: Database.Connection["db"] | Database.Trx,
  caller: Caller,
  parts: ClientView.Parts,
  at: Instant.Instant
): Promise<Result.Result<Foreseen, Refused>> => {
  const { organization } = caller
  const { client } = parts
  const bound = fromAbove(caller, [client.id])
  if (bound !== undefined) return Result.fail(bound)
  const allowed = ClientLifecycle.decide(client.lifecycle, { _tag: "Lift", cause: "operator", by: caller.actor, at })
  if (Result.isFailure(allowed)) return Result.fail(Tree.ofLifecycle(client.id, allowed.failure))
  const after = lifted(parts)
  const { status, effectiveStatus, suspendedBy, payer } = ClientView.present(after)
  const served = effectiveStatus === "active" ? await Clients.servedWithin(db, organization, client.id) : 0
  const standing = { status, effectiveStatus, suspendedBy, served }

  const base = (await Subscriptions.baseOf(db, organization, [client.id])).get(client.id)
  const found = base === undefined ? undefined : await resumptionOf(db, organization, base, at)
  if (base === undefined || found === undefined)
    return Result.succeed({ forecast: { ...standing, subscription: null, charge: null }, base: null, resumption: null })
  const { resumption, settings } = found
  const isServed = statusOf(after) === "active"
  const { plan, resumed, owes } = resumption
  const turned = isServed ? turn(resumed.state, { plan, settings, client: "active", until: at }) : null
  const state = turned?.state ?? resumption.caughtUp.state
  const subscription = told(base, resumption, state, turned, sinceOf(parts, at))
  const charge =
    isServed && owes && Subscription.isRunning(state) ? await chargeOf(db, organization, payer, plan, state) : null
  return Result.succeed({ forecast: { ...standing, subscription, charge }, base, resumption })
}

const resumptionOf = async (
  db: Database.Connection["db"] | Database.Trx,
  organization: Id.Id,
  base: Subscriptions.Subscription,
  until: Instant.Instant
) => {
  const plans = await Plans.byIds(db, organization, plansOf(base))
  const { settings } = await Organizations.get(db, organization)
  const found = resumption(base.state, { settings, until, planOf: ({ plan }) => plans.get(plan), paid: false })
  return found === undefined ? undefined : { resumption: found, settings }
}

const chargeOf = async (
  db: Database.Connection["db"] | Database.Trx,
  organization: Id.Id,
  payer: Id.Id,
  plan: Plan.Version,
  state: Subscription.Running
): Promise<Charge> => {
  const found = await PaymentMethods.defaultOf(db, organization, payer)
  const line = lineOf(plan, state)
  const { currency } = plan.terms
  if (found === undefined) return { payer, amount: line.amount, currency, lines: [line], method: null }
  const { id, type, brand, last4, inactive, connection } = found
  const method = { id, type, brand, last4, inactive, connection }
  return { payer, amount: line.amount, currency, lines: [line], method }
}

const told = (
  { id }: Subscriptions.Subscription,
  { caughtUp, plan }: Resumption,
  state: Subscription.Subscription,
  turned: Turned | null,
  since: Instant.Instant
): OfSubscription => {
  const { status, periodStart, periodEnd } = state
  const runs = turned !== null && (status === "active" || status === "trialing")
  const granted = turned?.grants.at(-1)
  const renewal = runs ? Subscription.nextCreditRenewal("active", state) : null
  return {
    id,
    outcome: status === "canceled" ? "canceled" : status === "past_due" ? "past_due" : runs ? "resumes" : "unserved",
    status,
    plan: plan.key,
    periodStart,
    periodEnd,
    grant:
      granted === undefined || plan.terms.credits === 0n ? null : { credits: plan.terms.credits, from: granted.at },
    nextCreditRenewalAt: renewal?.at ?? null,
    skipped: {
      periods: skippedPeriods(caughtUp.state, since),
      grants: turned === null ? 0 : skippedGrants(caughtUp.state, turned)
    }
  }
}

/** Whole periods of this epoch that lie between, the current one not counted. */
const skippedPeriods = (state: Subscription.Subscription, since: Instant.Instant): number => {
  if (!Subscription.isRunning(state)) return 0
  const { anchor, interval, zone, index } = state
  return Math.max(0, index - Math.max(-1, Calendar.indexAt(anchor, interval, zone, since)) - 1)
}

const skippedGrants = (before: Subscription.Subscription, { state, grants }: Turned): number =>
  before.creditEpoch === state.creditEpoch ? Math.max(0, state.nextGrant - before.nextGrant - grants.length) : 0

/** Since when it has not been served: the first suspension that holds of it or an ancestor. */
const sinceOf = ({ client, ancestors }: ClientView.Parts, at: Instant.Instant): Instant.Instant =>
  [client, ...ancestors].reduce(
    (first, { lifecycle }) => lifecycle.suspensions.reduce((first, { at }) => Math.min(first, at), first),
    at
  )
