/**
 * Brings a refund on, as a payment is: claims it, asks the provider outside of any transaction, settles what came of it. Its
 * credits are taken back once the money is known to have gone.
 */
import { type Id, Payment } from "@capstan/domain"
import { type Caller, Connections, Database, PaymentReversals, Payments, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, claim, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { concerned, giveBack } from "./GiveBack.ts"
import { PaymentGateway } from "./PaymentGateway.ts"
import { open } from "./Provider.ts"

export const driveRefund = Effect.fn("driveRefund")(function* (
  caller: Caller,
  id: Id.Id,
  { ifDue = false }: { readonly ifDue?: boolean } = {}
): Effect.fn.Return<PaymentReversals.Reversal, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  const { organization, now } = caller
  const { db } = yield* Database.Database
  const claimed = yield* claim(async (trx) => {
    const reversal = await PaymentReversals.lock(trx, organization, id)
    if (reversal === undefined) return undefined
    const { dueAt } = reversal.state
    const waits = ifDue && (dueAt === null || dueAt > now)
    const events = waits ? [] : Payment.decide(reversal.state, { _tag: "Send", at: now })
    const state = events.reduce(Payment.evolve, reversal.state)
    if (events.length > 0) await PaymentReversals.update(trx, organization, { ...reversal, state })
    return { reversal, state, claimed: events.length > 0 }
  })
  const payment =
    claimed === undefined
      ? undefined
      : yield* Effect.promise(() => Payments.byId(db, organization, claimed.reversal.payment))
  if (claimed === undefined || payment === undefined)
    return yield* Effect.fail({ _tag: "NotFound", what: "payment", id } as const)
  const { reversal, state } = claimed
  if (!claimed.claimed) return reversal
  const outcome = yield* ask(caller, reversal, payment)
  const names = yield* Effect.promise(() => concerned({ db }, organization, payment))
  const settled = yield* Effect.result(
    change(caller, names, (trx, locked) => settle({ trx, caller, locked }, id, outcome))
  )
  if (Result.isSuccess(settled)) return settled.success
  if (settled.failure._tag === "Unavailable" || settled.failure._tag === "OutcomeUnknown") return { ...reversal, state }
  return yield* change(caller, names, (trx, locked) => settle({ trx, caller, locked }, id, { _tag: "Unknown" }))
})

const ask = Effect.fnUntraced(function* (
  { organization }: Caller,
  { reference: key, amount, state }: PaymentReversals.Reversal,
  { connection: connectionId, currency, state: { reference: charge } }: Payments.Payment
): Effect.fn.Return<Payment.Outcome, never, Database.Database | PaymentGateway> {
  const { db } = yield* Database.Database
  const service = yield* PaymentGateway
  return yield* Effect.promise(async (): Promise<Payment.Outcome> => {
    const connection = await Connections.byId(db, organization, connectionId)
    const opened = connection === undefined ? undefined : open(service, organization, connection)
    if (opened === undefined || Result.isFailure(opened) || charge === null) return { _tag: "Unknown" }
    const { gateway, connection: account } = opened.success
    try {
      if (Payment.wasSent(state)) {
        const found = await gateway.fetchRefund(account, key)
        if (found._tag !== "Absent") return found
      }
      return await gateway.refund(account, { key, charge, amount, currency })
    } catch {
      return { _tag: "Unknown" }
    }
  })
})

const settle = async (
  session: Session,
  id: Id.Id,
  outcome: Payment.Outcome
): Promise<Result.Result<PaymentReversals.Reversal, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const reversal = await PaymentReversals.lock(trx, organization, id)
  const payment = reversal === undefined ? undefined : await Payments.byId(trx, organization, reversal.payment)
  if (reversal === undefined || payment === undefined) return Result.fail({ _tag: "NotFound", what: "payment", id })
  const command = { _tag: "Learn", at: locked.at } as const
  // Nobody has to do anything to be refunded.
  const learnt = outcome._tag === "ActionRequired" ? ({ _tag: "Unknown" } as const) : outcome
  const events = Payment.decide(reversal.state, { ...command, outcome: learnt })
  if (events.length === 0) return Result.succeed(reversal)
  const { client } = payment
  const told = { payment: payment.id, order: payment.order, reversal: id, amount: reversal.amount }
  const state = { ...events.reduce(Payment.evolve, reversal.state), reference: null }
  let after: PaymentReversals.Reversal = { ...reversal, state }
  for (const event of events) {
    if (event._tag === "Succeeded") {
      const taken = await giveBack(session, payment, reversal)
      if (Result.isFailure(taken)) return Result.fail(taken.failure)
      after = { ...after, ...taken.success }
      locked.record({ client, kind: "payment.refunded", payload: { ...told, ...taken.success } })
    }
    if (event._tag === "Declined")
      locked.record({ client, kind: "payment.refund_declined", payload: { ...told, ...event.declined } })
    if (event._tag === "BecameUnknown" && event.first)
      locked.record({ client, kind: "payment.refund_unknown", payload: told })
  }
  await PaymentReversals.update(trx, organization, after)
  return Result.succeed(after)
}
