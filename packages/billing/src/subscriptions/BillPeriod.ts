/**
 * Bills the current period of a subscription: one order of whoever pays, with an intent to pay it where there is something
 * to pay with. What is to come of it once it is paid stands beside it.
 */
import { Calendar, type Id, Order, type Plan, type Subscription } from "@capstan/domain"
import { BilledPeriods, PaymentMethods } from "@capstan/store"
import { type Method, type NewOrder, type Placed, placeOrder, placeOrders } from "../payments/Orders.ts"
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
  bill: Bill,
  /** When the worker is to see to it; at once unless told. */
  dueAt?: NewOrder["dueAt"]
): Promise<Placed> => {
  const { trx, caller } = session
  const placed = await placeOrder(session, { ...orderOf(bill), ...(dueAt === undefined ? {} : { dueAt }) })
  const { id: order } = placed.order
  if ((await BilledPeriods.ofOrder(trx, caller.organization, order)) === undefined)
    await BilledPeriods.insert(trx, caller.organization, [billed(order, bill)])
  return placed
}

/** Many, where nobody waits for any: what is billed already stays as it is. Statements do not grow with them. */
export const billPeriods = async (session: Session, bills: ReadonlyArray<Omit<Bill, "method">>): Promise<void> => {
  if (bills.length === 0) return
  const { trx, caller } = session
  const { organization } = caller
  const methods = await PaymentMethods.defaultsOf(trx, organization, [...new Set(bills.map(({ payer }) => payer))])
  const usable = (payer: Id.Id): Method | null => {
    const method = methods.get(payer)
    return method === undefined || method.inactive ? null : method
  }
  const orders = bills.map((bill) => orderOf({ ...bill, method: usable(bill.payer) }))
  const billByReference = new Map(bills.map((bill, i) => [orders[i]?.reference, bill]))
  const placed = await placeOrders(session, orders)
  const periods = placed.flatMap(({ order: { id, reference } }) => {
    const bill = billByReference.get(reference)
    return bill === undefined ? [] : [billed(id, bill)]
  })
  await BilledPeriods.insert(trx, organization, periods)
}

const orderOf = ({ subscription, state, plan, payer, method }: Bill): NewOrder => ({
  client: payer,
  reason: "subscription_cycle",
  reference: referenceOf(subscription.id, state),
  lines: [lineOf(plan, state)],
  method
})

const billed = (
  order: Id.Id,
  { subscription, state, plan, liftedBy, asked }: Omit<Bill, "method">
): BilledPeriods.BilledPeriod => ({
  order,
  client: subscription.client,
  subscription: subscription.id,
  plan: plan.id,
  epoch: state.epoch,
  index: state.index,
  start: state.periodStart,
  end: state.periodEnd,
  liftedBy,
  asked,
  outcome: null,
  reason: null
})

/** Names a period: there is one order of it. */
export const referenceOf = (
  subscription: Id.Id,
  { epoch, index }: Pick<Subscription.Subscription, "epoch" | "index">
): string => `${subscription}:${epoch}:${index}`

export const lineOf = (plan: Plan.Version, { periodStart, periodEnd, zone }: Subscription.Running): Order.Line =>
  Order.cycle(plan, { from: Calendar.dateOf(periodStart, zone), until: Calendar.dateOf(periodEnd, zone) })
