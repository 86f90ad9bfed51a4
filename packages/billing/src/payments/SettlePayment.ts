/**
 * What becomes of a payment once the provider has said what came of it, in one transaction under the lock of its client's
 * tree: paid, and the credits of the order are granted, once a line; declined, and the method says so. Whoever learns it
 * second finds it settled.
 */
import {
  type Calendar,
  CreditPack,
  type Credits,
  type Id,
  type Instant,
  Order,
  Payment,
  type Wallet
} from "@capstan/domain"
import {
  BilledPeriods,
  Clients,
  CreditPacks,
  Ids,
  Orders,
  Organizations,
  PaymentMethods,
  Payments
} from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import { awaitAction, loseMethod, settleRecharge } from "../recharge/SettleRecharge.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { settlePeriod } from "../subscriptions/SettlePeriod.ts"

export const settlePayment = async (
  session: Session,
  id: Id.Id,
  outcome: Payment.Outcome
): Promise<Result.Result<Payments.Payment, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const payment = await Payments.lock(trx, organization, id)
  if (payment === undefined) return Result.fail({ _tag: "NotFound", what: "payment", id })
  const events = Payment.decide(payment.state, { _tag: "Learn", outcome, at: locked.at })
  const state = events.reduce(Payment.evolve, payment.state)
  if (events.length > 0) await Payments.update(trx, organization, id, state)
  for (const event of events) {
    const done = await follow(session, payment, event)
    if (Result.isFailure(done)) return Result.fail(done.failure)
  }
  return Result.succeed({ ...payment, state })
}

/** What the provider has done cannot be followed here, as where the wallet is full: it stays to be settled, and says so once. */
export const postpone = async (
  session: Session,
  id: Id.Id,
  outcome: Payment.Outcome,
  { _tag: reason }: Refused
): Promise<Result.Result<Payments.Payment, Refused>> => {
  const { trx, caller, locked } = session
  const payment = await Payments.lock(trx, caller.organization, id)
  if (payment !== undefined && outcome._tag === "Succeeded" && payment.state.reference === null) {
    const { client, order, amount, currency, state } = payment
    await Payments.update(trx, caller.organization, id, { ...state, reference: outcome.reference })
    const payload = { payment: id, order, amount, currency, reason }
    locked.record({ client, kind: "payment.not_settled", payload })
  }
  return settlePayment(session, id, { _tag: "Unknown" })
}

const follow = async (
  session: Session,
  payment: Payments.Payment,
  event: Payment.Event
): Promise<Result.Result<void, Refused>> => {
  const { trx, caller, locked } = session
  const { id, client, method, order, amount, currency } = payment
  const record = (kind: string, payload: object) =>
    locked.record({ client, kind, payload: { payment: id, order, amount, currency, ...payload } })
  switch (event._tag) {
    case "Sent":
      return nothing
    case "BecameUnknown":
      if (event.first) record("payment.unknown", {})
      return nothing
    case "ActionRequired":
      if (payment.state.actionUrl !== event.url) {
        const { url, at } = event
        const until = Payment.actionUntil({ actionUrl: url, actionAt: payment.state.actionAt ?? at })
        record("payment.action_required", { url, until })
        await awaitAction(session, payment, { url, until })
      }
      return nothing
    case "Succeeded":
      await PaymentMethods.succeeded(trx, caller.organization, method)
      record("payment.succeeded", { reference: event.reference })
      return paid(session, payment)
    case "Declined": {
      const { settings } = await Organizations.get(trx, caller.organization)
      const failed = { ...event.declined, at: event.at }
      const { declinesUntilInactive: most } = settings
      const said = isOurs(event.declined)
        ? undefined
        : await PaymentMethods.declined(trx, caller.organization, method, failed, most)
      record("payment.declined", { method, ...event.declined, inactive: said?.inactive ?? false })
      return declined(session, payment, event.declined, said?.inactive ?? false)
    }
  }
}

export const belowMinimum = "below_minimum"
export const orderVoid = "order_void"

/** Of what was never asked of the provider: it says nothing of the method. */
const isOurs = ({ code }: Payment.Declined): boolean => code === belowMinimum || code === orderVoid

const nothing = Result.succeed(undefined)

/** The order is paid, and its credits are granted: each line's once, by its key. */
const paid = async (session: Session, payment: Payments.Payment): Promise<Result.Result<void, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { at } = locked
  const order = await Orders.byId(trx, organization, payment.order)
  const client = (await Clients.byIds(trx, organization, [payment.client])).get(payment.client)
  if (order === undefined || client === undefined) throw new Error(`Order ${payment.order} is nowhere`)
  const changed = await change(session, order, { _tag: "Pay", at })
  if (Result.isFailure(changed)) return Result.fail(changed.failure)
  // It may draw on another wallet by now: what it has paid for goes to its own.
  const paid = (await locked.branch(order.client)).payer === order.client ? undefined : order.client
  const packs = await CreditPacks.byIds(
    trx,
    organization,
    order.lines.flatMap(({ pack }) => pack ?? [])
  )
  for (const [position, line] of order.lines.entries()) {
    const pack = line.pack === null ? undefined : packs.get(line.pack)
    if (pack === undefined || line.credits === null) continue
    const { credits } = line
    const lot = bought(order.reason, { ...line, credits }, pack, client.timeZone, at)
    const key = { namespace: "order", key: grantKey(order.id, position), hash: null } as const
    const posted = await locked.post(order.client, { _tag: "Grant", lot, at }, key, credits, paid)
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
  }
  if (order.reason === "subscription_cycle") return settlePeriod(session, payment, order)
  if (order.reason === "auto_recharge")
    await settleRecharge(session, { client: order.client, order: order.id, outcome: { _tag: "Succeeded" } })
  return nothing
}

/** The credits of a line, as they are granted. */
export const bought = (
  reason: Order.Reason,
  { credits, unitPrice }: Order.Line & { readonly credits: Credits.Credits },
  pack: CreditPack.Version,
  zone: Calendar.Zone,
  at: Instant.Instant
): Wallet.Lot => ({
  id: Ids.mint(),
  kind: "extra",
  left: credits,
  held: 0n,
  priority: 0,
  effectiveAt: at,
  expiresAt: CreditPack.expiresAt(pack, zone, at),
  unitCost: unitPrice,
  source: reason,
  allowance: false,
  outlives: null,
  features: null
})

/**
 * Nobody waits for a recharge that was declined: a further crossing has an order of its own. Nor for a period that is not
 * served: whoever asks for it again has it billed anew.
 */
const declined = async (
  session: Session,
  payment: Payments.Payment,
  failure: Payment.Declined,
  inactive: boolean
): Promise<Result.Result<void, Refused>> => {
  const order = await Orders.byId(session.trx, session.caller.organization, payment.order)
  if (order === undefined) throw new Error(`Order ${payment.order} is nowhere`)
  if (order.reason !== "auto_recharge") {
    if (inactive) await loseMethod(session, payment)
    const billed =
      order.reason === "subscription_cycle"
        ? await BilledPeriods.ofOrder(session.trx, session.caller.organization, order.id)
        : undefined
    return billed === undefined || billed.liftedBy === null ? nothing : change(session, order, { _tag: "Void" })
  }
  const outcome = { _tag: "Declined", ...failure } as const
  await settleRecharge(session, { client: order.client, order: order.id, outcome })
  return change(session, order, { _tag: "Void" })
}

/** Under which the credits of a line are granted. */
export const grantKey = (order: Id.Id, position: number): string => (position === 0 ? order : `${order}:${position}`)

/** Decides about an order, and keeps what was decided. */
export const change = async (
  { trx, caller, locked }: Session,
  order: Orders.Placed,
  command: Order.Command
): Promise<Result.Result<void, Refused>> => {
  const decided = Order.decide(order.state, command)
  if (Result.isFailure(decided)) return Result.fail(refusalOf(decided.failure))
  const events = decided.success
  if (events.length === 0) return nothing
  const state = events.reduce(Order.evolve, order.state)
  await Orders.update(trx, caller.organization, order.id, state, locked.at)
  for (const event of events) {
    const { total, refunded, status } = state
    const { id, client, reason, reference, currency } = order
    const payload = { order: id, reason, reference, status, total, refunded, currency }
    locked.record({ client, kind: kinds[event._tag], payload })
  }
  return nothing
}

const kinds: { readonly [K in Order.Event["_tag"]]: string } = {
  Paid: "order.paid",
  Voided: "order.voided",
  Refunded: "order.refunded"
}

const refusalOf = (refusal: Order.Refusal): Refused => {
  switch (refusal._tag) {
    case "NotPending":
      return {
        _tag: "NotAdmissible",
        reason: "already_settled",
        message: `The order is ${refusal.status}: only one that is pending can be voided.`
      }
    case "NotPaid":
      return {
        _tag: "NotAdmissible",
        reason: "order_not_paid",
        message: `The order is ${refusal.status}: only what was paid can be refunded.`
      }
    case "NotRefundable":
      return {
        _tag: "NotAdmissible",
        reason: "not_refundable",
        field: "amount",
        message: `Of this order ${refusal.refundable} minor units can still be refunded: ask for more than nothing, and no more than that.`
      }
  }
}
