/**
 * Bills the current period of a subscription: one order of whoever pays, with an intent to pay it where there is something
 * to pay with. What is to come of it once it is paid stands beside it.
 */
import { Calendar, type Id, Order, type Plan, type Subscription } from "@capstan/domain"
import { BilledPeriods } from "@capstan/store"
import { type Method, type NewOrder, type Placed, placeOrder } from "../payments/Orders.ts"
import type { Session } from "./Serve.ts"

export interface Bill extends Pick<BilledPeriods.BilledPeriod, "asked" | "liftedBy"> {
  readonly subscription: { readonly id: Id.Id; readonly client: Id.Id }
  readonly state: Subscription.Running
  readonly plan: Plan.Version
  readonly payer: Id.Id
  readonly method: Method | null
}

export const billPeriod = async (
  session: Session,
  { subscription, state, plan, payer, method, liftedBy, asked }: Bill,
  /** When the worker is to see to it; at once unless told. */
  dueAt?: NewOrder["dueAt"]
): Promise<Placed> => {
  const { trx, caller } = session
  const { epoch, index, periodStart: start, periodEnd: end } = state
  const placed = await placeOrder(session, {
    client: payer,
    reason: "subscription_cycle",
    reference: referenceOf(subscription.id, state),
    lines: [lineOf(plan, state)],
    method,
    ...(dueAt === undefined ? {} : { dueAt })
  })
  const { id: order } = placed.order
  if ((await BilledPeriods.ofOrder(trx, caller.organization, order)) === undefined)
    await BilledPeriods.insert(trx, caller.organization, {
      order,
      client: subscription.client,
      subscription: subscription.id,
      plan: plan.id,
      epoch,
      index,
      start,
      end,
      liftedBy,
      asked,
      outcome: null,
      reason: null
    })
  return placed
}

/** Names a period: there is one order of it. */
export const referenceOf = (
  subscription: Id.Id,
  { epoch, index }: Pick<Subscription.Subscription, "epoch" | "index">
): string => `${subscription}:${epoch}:${index}`

export const lineOf = (plan: Plan.Version, { periodStart, periodEnd, zone }: Subscription.Running): Order.Line =>
  Order.cycle(plan, { from: Calendar.dateOf(periodStart, zone), until: Calendar.dateOf(periodEnd, zone) })
