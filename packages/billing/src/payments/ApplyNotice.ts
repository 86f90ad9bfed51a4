/**
 * What a provider tells of its own accord, applied. Of a chargeback it tells how much was taken back of a charge in all: what
 * is new of that is taken back here, so that a notice that comes twice, late or out of order changes nothing.
 */
import { type Id, Money, Payment } from "@capstan/domain"
import {
  type Caller,
  Connections,
  Database,
  Ids,
  Organizations,
  PaymentReversals,
  Payments,
  type Trees
} from "@capstan/store"
import { Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { concerned, giveBack } from "./GiveBack.ts"
import { type Notice, PaymentGateway } from "./PaymentGateway.ts"
import { open } from "./Provider.ts"

export interface Heard {
  readonly connection: Id.Id
  readonly headers: Headers
  readonly body: string
}

/** What it came to. Of `unsigned` nothing may be told: whoever sent it is not the provider. */
export type Applied = "applied" | "early" | "known" | "unsigned"

export const applyNotice = Effect.fnUntraced(function* (
  caller: Caller,
  { connection: id, headers, body }: Heard
): Effect.fn.Return<Applied, Refused, Database.Database | PaymentGateway | Trees.Trees> {
  const { organization } = caller
  const { db } = yield* Database.Database
  const service = yield* PaymentGateway
  const connection = yield* Effect.promise(() => Connections.byId(db, organization, id))
  const opened = connection === undefined ? undefined : open(service, organization, connection)
  if (opened === undefined || Result.isFailure(opened)) return "unsigned"
  const notice = opened.success.gateway.notice(opened.success.connection, headers, body)
  if (notice === null) return "unsigned"
  if (notice._tag === "Ignored") return "known"
  const payment = yield* Effect.promise(() => Payments.byReference(db, organization, id, notice.charge))
  if (payment === undefined || payment.state.status !== "succeeded") {
    // It may be of a charge that we have not learnt the name of: to be told again.
    const early = payment !== undefined || (yield* Effect.promise(() => Payments.isAnyUnnamed(db, organization, id)))
    return early ? "early" : "known"
  }
  const names = yield* Effect.promise(() => concerned({ db }, organization, payment))
  return yield* change<Applied>(caller, names, (trx, locked) => chargeBack({ trx, caller, locked }, payment.id, notice))
})

const chargeBack = async (
  session: Session,
  id: Id.Id,
  notice: Notice & { readonly _tag: "ChargedBack" }
): Promise<Result.Result<Applied, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const payment = await Payments.lock(trx, organization, id)
  if (payment === undefined) return Result.fail({ _tag: "NotFound", what: "payment", id })
  const others = await PaymentReversals.ofPayments(trx, organization, [id])
  if (others.some(({ reference }) => reference === notice.id)) return Result.succeed("known")
  // What comes of a refund decides how much there was left to take back.
  if (others.some(({ state }) => !Payment.isSettled(state))) return Result.succeed("early")
  let before = Money.zero
  for (const { kind, amount } of others) if (kind === "chargeback") before = Money.add(before, amount)
  const left = Money.subtract(payment.amount, payment.refunded)
  const amount = Money.min(Money.subtract(notice.amount, before), left)
  if (amount <= 0n) return Result.succeed("known")
  const { settings } = await Organizations.get(trx, organization)
  const reversal: PaymentReversals.Reversal = {
    id: Ids.mint(),
    payment: id,
    kind: "chargeback",
    reference: notice.id,
    asked: null,
    amount,
    policy: settings.chargebackPolicy,
    ...PaymentReversals.nothing,
    state: {
      ...Payment.intended(locked.at),
      status: "succeeded",
      dueAt: null,
      settledAt: locked.at
    },
    createdAt: locked.at
  }
  const taken = await giveBack(session, payment, reversal)
  if (Result.isFailure(taken)) return Result.fail(taken.failure)
  await PaymentReversals.insert(trx, organization, { ...reversal, ...taken.success })
  const { client, order } = payment
  const payload = { payment: id, order, reversal: reversal.id, amount, policy: reversal.policy, ...taken.success }
  locked.record({ client, kind: "payment.charged_back", payload })
  return Result.succeed("applied")
}
