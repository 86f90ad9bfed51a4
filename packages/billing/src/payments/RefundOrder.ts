/**
 * Gives the money of an order back, in whole or in part, and takes the credits that it bought back with it. The refund is an
 * intent before the provider hears of it; a retry with the key finds out what came of it, and one that was declined is tried
 * anew. Whoever is refunded does not refund themselves.
 */
import { type Id, Money, Payment } from "@capstan/domain"
import { type Caller, Database, Ids, Key, Orders, PaymentReversals, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, fromAbove, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { driveRefund } from "./DriveRefund.ts"
import { livePayment } from "./Orders.ts"
import type { PaymentGateway } from "./PaymentGateway.ts"
import { retryAfterMs } from "./Provider.ts"

export interface Input {
  readonly order: Id.Id
  /** Null for all that is left of it. */
  readonly amount: Money.Money | null
  /** What becomes of credits that are spent by now. */
  readonly policy: "forgive" | "owe"
}

export const refundOrder = Effect.fnUntraced(function* (
  caller: Caller,
  input: Input
): Effect.fn.Return<PaymentReversals.Reversal, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  const { organization, key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const { db } = yield* Database.Database
  const order = yield* Effect.promise(() => Orders.byId(db, organization, input.order))
  const notFound = { _tag: "NotFound", what: "order", id: input.order } as const
  if (order === undefined) return yield* Effect.fail(notFound)
  const hash = Key.hash("orders.refund", input)
  const intent = yield* change(caller, [order.client], (trx, locked) =>
    intend({ trx, caller, locked }, order.client, input, { key, hash })
  ).pipe(Effect.mapError((refused) => (refused._tag === "NotFound" ? notFound : refused)))
  const reversal = Payment.isSettled(intent.state) ? intent : yield* driveRefund(caller, intent.id)
  const { status, declined } = reversal.state
  if (status === "succeeded") return reversal
  return yield* Effect.fail(
    declined === null
      ? ({ _tag: "OutcomeUnknown", retryAfterMs } as const)
      : ({ _tag: "PaymentFailed", reason: declined.class, message: declined.message } as const)
  )
})

/** The refund that the key stands for, or an intent for a new one. */
const intend = async (
  session: Session,
  client: Id.Id,
  input: Input,
  asked: NonNullable<PaymentReversals.Reversal["asked"]>
): Promise<Result.Result<PaymentReversals.Reversal, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const bound = fromAbove(caller, [client])
  if (bound !== undefined) return Result.fail(bound)
  const known = await PaymentReversals.askedFor(trx, organization, asked.key)
  if (known !== undefined) {
    if (known.asked?.hash.equals(asked.hash) !== true) return Result.fail({ _tag: "KeyReused", key: asked.key })
    if (known.state.status !== "declined") return Result.succeed(known)
  }
  const payment = await livePayment(session, input.order)
  if (payment?.state.status !== "succeeded")
    return Result.fail({
      _tag: "NotAdmissible",
      reason: "order_not_paid",
      message: "Nothing has been paid for the order: there is nothing to refund."
    })
  const { currency } = payment
  if (input.amount !== null && input.amount.currency !== currency)
    return Result.fail({
      _tag: "NotAdmissible",
      reason: "currency_differs",
      field: "amount.currency",
      message: `The order was paid in ${currency}: give the amount in that.`
    })
  const others = await PaymentReversals.ofPayments(trx, organization, [payment.id])
  const underWay = others.reduce(
    (sum, { amount, state }) => (Payment.isSettled(state) ? sum : Money.add(sum, amount)),
    Money.zero
  )
  const refundable = Money.subtract(Money.subtract(payment.amount, payment.refunded), underWay)
  const amount = input.amount?.amount ?? refundable
  if (amount <= 0n || amount > refundable)
    return Result.fail({
      _tag: "NotAdmissible",
      reason: "not_refundable",
      field: "amount",
      message: `Of this order ${refundable} minor units can still be refunded: ask for more than nothing, and no more than that.`
    })
  const id = Ids.mint()
  const reversal: PaymentReversals.Reversal = {
    id,
    payment: payment.id,
    kind: "refund",
    reference: `capstan-refund-${id}`,
    asked,
    amount,
    policy: input.policy,
    ...PaymentReversals.nothing,
    // Whoever asks drives it; the worker does should they not.
    state: Payment.intended(locked.at + Payment.patience),
    createdAt: locked.at
  }
  // Somebody has used the key for another order at this moment.
  if (!(await PaymentReversals.insert(trx, organization, reversal)))
    return Result.fail({ _tag: "KeyReused", key: asked.key })
  const { policy } = input
  const payload = { order: payment.order, payment: payment.id, reversal: id, amount, policy }
  locked.record({ client: payment.client, kind: "payment.refund_requested", payload })
  return Result.succeed(reversal)
}
