/**
 * Subscribes a client to the latest version of a plan, and pins that. Its clocks start, and its first credits are posted,
 * once the client is onboarded and the plan is free or on trial; until then it is incomplete.
 */
import { type Calendar, Cost, type Money, Plan, Subscription, Team } from "@capstan/domain"
import { type Caller, type Failure, Ids, Organizations, Plans, Subscriptions, SubscriptionView } from "@capstan/store"
import { Result } from "effect"
import { setCapIn, type Setting } from "../caps/SetCap.ts"
import { grants } from "../clients/Payer.ts"
import { fromAbove, onClient, statusOf } from "../Doors.ts"
import { refused as refusedPeople } from "../people/Refused.ts"
import * as Roster from "../people/Roster.ts"
import { post, record } from "./Serve.ts"
import { turn } from "./Turn.ts"

export interface Input {
  readonly client: string
  /** The key of the plan. */
  readonly plan: string
  /** Undefined for what the plan includes; more are given from above the client. */
  readonly seats: number | undefined
  /** In place of the plan's own, where it is not undefined; null for none. */
  readonly trial: Calendar.Interval | null | undefined
  /** The most that may be billed in a billing period: its price, and overage. */
  readonly cappedAmount?: Money.Money | undefined
}

export const createSubscription = (caller: Caller, { client: name, plan: key, seats, trial, cappedAmount }: Input) =>
  onClient<SubscriptionView.Subscription>(
    caller,
    { procedure: "subscriptions.create", client: name, payload: { plan: key, seats, trial, cappedAmount } },
    async (trx, locked, parts) => {
      const { organization } = caller
      const { at } = locked
      const { client } = parts
      const plan = await Plans.latest(trx, organization, key)
      if (plan === undefined) return Result.fail({ _tag: "NotFound", what: "plan", id: key })
      const given = trial !== undefined || (seats ?? 0) > plan.terms.seats
      const refused =
        (given ? fromAbove(caller, [client.id]) : undefined) ??
        refusalOf(plan, parts.client) ??
        belowPrice(plan, cappedAmount)
      if (refused !== undefined) return Result.fail(refused)

      const status = statusOf(parts)
      const started = Subscription.decide(Subscription.initial, {
        _tag: "Start",
        at,
        client: status,
        terms: Plan.clocks(plan),
        seats: seats ?? plan.terms.seats,
        zone: client.timeZone,
        trial: trial === undefined ? plan.terms.trial : trial
      })
      if (Result.isFailure(started))
        return Result.fail({
          _tag: "NotAdmissible",
          reason: `client_${status}`,
          message: `The client is ${status}: it cannot subscribe to anything.`
        })
      const first = started.success.reduce<Subscription.State>(Subscription.evolve, Subscription.initial)
      if (first === null) throw new Error("A subscription that started is nowhere")
      const { settings } = await Organizations.get(trx, organization)
      const turned = turn(first, { plan, client: status, settings, until: at })

      const id = Ids.mint()
      const { state, next } = turned
      const times = { createdAt: at, updatedAt: at }
      const subscription = { id, client: client.id, plan: plan.id, base: true, state, next, version: 1n, ...times }
      if (!(await Subscriptions.insert(trx, organization, subscription)))
        return Result.fail({
          _tag: "NotAdmissible",
          reason: "has_base_subscription",
          message: "The client has a base subscription: change its plan, or end it first."
        })
      const { team } = await Roster.load({ trx, caller, locked }, client.id)
      const seated = Team.decide(team, { _tag: "SetSeats", seats: state.seats, at })
      if (Result.isFailure(seated)) return Result.fail(refusedPeople(seated.failure))
      record(locked, client.id, id, Subscription.initial, [...started.success, ...turned.events])
      if (cappedAmount !== undefined) {
        const capped = await setCapIn({ trx, caller, locked }, parts, cappedAt(cappedAmount, plan))
        if (Result.isFailure(capped)) return Result.fail(capped.failure)
      }
      const posted = await post({ trx, caller, locked }, name, id, plan, turned)
      return Result.map(posted, () => SubscriptionView.present(subscription, plan.key, status))
    }
  )

/** A hard cap on what is billed; the price of every period is committed from its start. */
const cappedAt = (limit: Money.Money, { price }: Plan.Version): Setting => ({
  name: "capped_amount",
  limit,
  committed: Cost.ofMinor(price),
  every: "billing_period",
  scope: "billed",
  enforcement: "hard",
  thresholds: [50, 80, 100]
})

const belowPrice = ({ price, terms }: Plan.Version, capped: Money.Money | undefined): Failure | undefined => {
  if (capped === undefined) return undefined
  if (capped.currency !== terms.currency)
    return {
      _tag: "NotAdmissible",
      reason: "currency_differs",
      message: `The plan is sold in ${terms.currency}: give the capped amount in that.`,
      field: "cappedAmount.currency"
    }
  return capped.amount < price
    ? {
        _tag: "NotAdmissible",
        reason: "minimum_required_cap",
        message: `The plan alone costs ${price} minor units of ${terms.currency} a period: cap the amount at that or more.`,
        field: "cappedAmount"
      }
    : undefined
}

export const refusalOf = (
  plan: Plan.Version,
  client: { readonly currency: string; readonly usesParentBalance: boolean }
): Failure | undefined => {
  const { terms } = plan
  if (terms.currency !== client.currency)
    return {
      _tag: "NotAdmissible",
      reason: "no_price_in_currency",
      message: `The plan is sold in ${terms.currency}, and the client pays in ${client.currency}.`
    }
  return client.usesParentBalance && grants(plan)
    ? {
        _tag: "NotAdmissible",
        reason: "not_admissible",
        message:
          "The client draws on its parent's balance: subscribe it to a plan without credits, or subscribe the parent."
      }
    : undefined
}
