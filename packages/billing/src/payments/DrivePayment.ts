/**
 * Brings a payment on: claims it, asks the provider outside of any transaction, settles what came of it.
 *
 *   claim (sent, due again later) ──▶ sent before? fetch by key ──Absent──▶ charge, same key ──▶ settle
 *                                          └───────known───────────────────────────────────────▶
 *
 * What whoever pays was to confirm, and has not in time, is canceled rather than fetched. For an order that has become void
 * meanwhile nothing is charged any more, nor has anybody to confirm it: it is declined here, unless it has been paid.
 *
 * A crash anywhere leaves an intent that is due again. Two at once ask with one key, which the provider does once, and both
 * settle to the same.
 */
import { type Id, Payment } from "@capstan/domain"
import {
  BilledPeriods,
  type Caller,
  Connections,
  Database,
  Orders,
  PaymentMethods,
  Payments,
  type Trees
} from "@capstan/store"
import { Effect, Result } from "effect"
import { change, claim, type Refused } from "../Doors.ts"
import { PaymentGateway } from "./PaymentGateway.ts"
import { open } from "./Provider.ts"
import { belowMinimum, orderVoid, postpone, settlePayment } from "./SettlePayment.ts"

/** The provider's name of an intent to charge. */
const chargeKey = (payment: Id.Id): string => `capstan-payment-${payment}`

export const drivePayment = Effect.fn("drivePayment")(function* (
  caller: Caller,
  id: Id.Id,
  /** Leaves it alone where it is not due: another has claimed it. */
  { ifDue = false }: { readonly ifDue?: boolean } = {}
): Effect.fn.Return<Payments.Payment, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  const { organization, now } = caller
  const claimed = yield* claim(async (trx) => {
    const payment = await Payments.lock(trx, organization, id)
    if (payment === undefined) return undefined
    const { dueAt } = payment.state
    const events =
      ifDue && (dueAt === null || dueAt > now) ? [] : Payment.decide(payment.state, { _tag: "Send", at: now })
    const state = events.reduce(Payment.evolve, payment.state)
    if (events.length > 0) await Payments.update(trx, organization, id, state)
    return { payment, state, claimed: events.length > 0 }
  })
  if (claimed === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "payment", id } as const)
  const { payment, state } = claimed
  if (!claimed.claimed) return payment
  const outcome = yield* ask(caller, payment)
  const names = yield* concerned(organization, payment)
  const settled = yield* Effect.result(
    change(caller, names, (trx, locked) => settlePayment({ trx, caller, locked }, id, outcome))
  )
  if (Result.isSuccess(settled)) return settled.success
  const { failure } = settled
  if (failure._tag === "Unavailable" || failure._tag === "OutcomeUnknown") return { ...payment, state }
  return yield* change(caller, names, (trx, locked) => postpone({ trx, caller, locked }, id, outcome, failure))
})

/** Who pays, and whom it is for. */
const concerned = (
  organization: Id.Id,
  { client, order }: Payments.Payment
): Effect.Effect<ReadonlyArray<Id.Id>, never, Database.Database> =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.promise(async () => {
      const billed = await BilledPeriods.ofOrder(db, organization, order)
      return billed === undefined || billed.client === client ? [client] : [client, billed.client]
    })
  )

/** What the provider says of it. Whatever else goes wrong, it may have happened. */
const ask = Effect.fnUntraced(function* (
  { organization, now }: Caller,
  { id, order: orderId, method: methodId, connection: connectionId, amount, currency, state }: Payments.Payment
): Effect.fn.Return<Payment.Outcome, never, Database.Database | PaymentGateway> {
  const { db } = yield* Database.Database
  const service = yield* PaymentGateway
  return yield* Effect.promise(async (): Promise<Payment.Outcome> => {
    const [connection, method, order] = await Promise.all([
      Connections.byId(db, organization, connectionId),
      PaymentMethods.byId(db, organization, methodId),
      Orders.byId(db, organization, orderId)
    ])
    const opened = connection === undefined ? undefined : open(service, organization, connection)
    if (opened === undefined || Result.isFailure(opened) || method === undefined) return unknown
    const { gateway, connection: account } = opened.success
    const key = chargeKey(id)
    const until = Payment.actionUntil(state)
    const isVoid = order?.state.status === "void"
    try {
      if (Payment.wasSent(state)) {
        const isOver = until !== null && (until <= now || isVoid)
        const found = await (isOver ? gateway.cancel : gateway.fetch)(account, key)
        if (found._tag !== "Absent") return found
      } else if (amount < gateway.minimum(currency)) return tooLittle
      if (isVoid) return ofVoid
      const description = order?.lines.map((line) => line.description).join(", ") ?? ""
      return await gateway.charge(account, { key, method: method.reference, amount, currency, description })
    } catch {
      return unknown
    }
  })
})

const unknown: Payment.Outcome = { _tag: "Unknown" }
const ofVoid: Payment.Outcome = {
  _tag: "Declined",
  class: "final",
  code: orderVoid,
  message: "The order had become void before it was charged."
}
const tooLittle: Payment.Outcome = {
  _tag: "Declined",
  class: "temporary",
  code: belowMinimum,
  message: "The provider does not charge so little."
}
