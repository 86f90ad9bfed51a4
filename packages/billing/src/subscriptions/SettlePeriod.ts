/**
 * What comes of the money that was paid for a period of a subscription, in the transaction that makes it known: service for
 * that period, and the end of the suspension that was to be lifted for it. Where that cannot be had any more the money goes
 * back, and the event log says why.
 */
import { type ClientLifecycle, Payment, Subscription } from "@capstan/domain"
import {
  BilledPeriods,
  type Caller,
  ClientView,
  Ids,
  type Orders,
  Organizations,
  PaymentReversals,
  type Payments,
  Plans,
  Subscriptions
} from "@capstan/store"
import { Result } from "effect"
import { changeLifecycle } from "../clients/Lifecycle.ts"
import { type Refused, statusOf } from "../Doors.ts"
import { catchUp } from "./Resumption.ts"
import { plansOf, serve, type Session } from "./Serve.ts"

/** Why a period that is paid cannot be served. */
type Unserved =
  | "already_charged"
  | "client_closed"
  | "client_suspended"
  | "period_over"
  | "plan_changed"
  | "subscription_canceled"

export const settlePeriod = async (
  session: Session,
  payment: Payments.Payment,
  order: Orders.Placed
): Promise<Result.Result<void, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const billed = await BilledPeriods.ofOrder(trx, organization, order.id)
  const parts =
    billed === undefined ? undefined : await ClientView.parts(trx, { organization, reach: null }, billed.client)
  if (billed === undefined || parts === undefined) throw new Error(`Order ${order.id} is of no period`)
  const asked = billed.liftedBy === null ? undefined : openOf(parts)
  const unserved = await reasonOf(session, billed, asked === undefined ? parts : lifted(parts))
  await BilledPeriods.settle(trx, organization, order.id, unserved, locked.at)
  if (unserved !== null) {
    await giveBackAll(session, payment)
    const { client, subscription } = billed
    const payload = { subscription, order: order.id, payment: payment.id, reason: unserved }
    locked.record({ client, kind: "client.not_reactivated", payload })
    return Result.succeed(undefined)
  }
  const by = billed.liftedBy ?? caller.actor
  const changed =
    asked === undefined
      ? Result.succeed(parts)
      : await changeLifecycle(anyVersion(caller), locked, parts, billed.client, {
          _tag: "Lift",
          cause: "operator",
          by,
          at: locked.at
        })
  if (Result.isFailure(changed)) return Result.fail(changed.failure)
  const of = asked === undefined ? "client" : "subtree"
  const served = await serve(session, billed.client, changed.success, of, billed.subscription)
  return Result.map(served, () => undefined)
}

/** Whoever asked has seen the version that there was then. */
const anyVersion = (caller: Caller): Caller => ({ ...caller, ifMatch: null })

const openOf = ({ client }: ClientView.Parts): ClientLifecycle.Suspension | undefined =>
  client.lifecycle.suspensions.find(({ cause }) => cause === "operator")

/** As it is once the operator's suspension is lifted. */
export const lifted = (parts: ClientView.Parts): ClientView.Parts => {
  const { client } = parts
  const suspensions = client.lifecycle.suspensions.filter(({ cause }) => cause !== "operator")
  return { ...parts, client: { ...client, lifecycle: { ...client.lifecycle, suspensions } } }
}

/** What has come between; null where the period can be served. */
const reasonOf = async (
  { trx, caller: { organization }, locked: { at } }: Session,
  billed: BilledPeriods.BilledPeriod,
  parts: ClientView.Parts
): Promise<Unserved | null> => {
  const status = statusOf(parts)
  if (status === "closed") return "client_closed"
  if (status !== "active") return "client_suspended"
  const [subscription] = await Subscriptions.byIds(trx, organization, [billed.subscription])
  if (subscription === undefined) return "subscription_canceled"
  const plans = await Plans.byIds(trx, organization, plansOf(subscription))
  const plan = plans.get(subscription.plan)
  const { settings } = await Organizations.get(trx, organization)
  const { state } =
    plan === undefined ? subscription : catchUp(subscription.state, { plan, settings, client: "suspended", until: at })
  if (!Subscription.isRunning(state)) return "subscription_canceled"
  if (state.epoch !== billed.epoch || state.index !== billed.index || at >= state.periodEnd) return "period_over"
  if (state.plan !== billed.plan) return "plan_changed"
  return state.charged ? "already_charged" : null
}

/** All of a payment is to go back; the worker sees to it. */
const giveBackAll = async ({ trx, caller, locked }: Session, payment: Payments.Payment): Promise<void> => {
  const id = Ids.mint()
  const { client, order, amount } = payment
  await PaymentReversals.insert(trx, caller.organization, {
    id,
    payment: payment.id,
    kind: "refund",
    reference: `capstan-refund-${id}`,
    asked: null,
    amount,
    policy: "forgive",
    ...PaymentReversals.nothing,
    state: Payment.intended(locked.at),
    createdAt: locked.at
  })
  const payload = { order, payment: payment.id, reversal: id, amount, policy: "forgive" }
  locked.record({ client, kind: "payment.refund_requested", payload })
}
