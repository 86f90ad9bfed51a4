/**
 * Money of a payment has gone back: what follows from it, in the transaction that makes it known. The order says so, and the
 * credits that it granted are taken back, as many more as the money that has gone back in all stands for. What of them was
 * spent is owed or forgiven, or owed by a client that is suspended for it, as the policy says.
 */
import { type Id, type Money, Order } from "@capstan/domain"
import { type Database, Entries, Orders, PaymentReversals, Payments } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import { stopBuying } from "../recharge/SettleRecharge.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { change, grantKey } from "./SettlePayment.ts"
import { revokedOf, takeBack, takenBy } from "./TakeBack.ts"

export const giveBack = async (
  session: Session,
  payment: Payments.Payment,
  { id, amount, kind, policy }: Pick<PaymentReversals.Reversal, "amount" | "id" | "kind" | "policy">
): Promise<Result.Result<PaymentReversals.Taken, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const order = await Orders.byId(trx, organization, payment.order)
  if (order === undefined) throw new Error(`Order ${payment.order} is nowhere`)
  // Before the balance falls for it: else that would be a crossing. A purchase by hand may be refunded as it was made.
  if (kind === "chargeback") await stopBuying(session, order, "charged_back")
  else if (order.reason === "auto_recharge") await stopBuying(session, order, "refunded")
  await Payments.giveBack(trx, organization, payment.id, amount)
  const changed = await change(session, order, { _tag: "Refund", amount })
  if (Result.isFailure(changed)) return Result.fail(changed.failure)

  const { total, refunded: before } = order.state
  const after = (before + amount) as Money.Minor
  let sum = PaymentReversals.nothing
  for (const [position, { pack, credits }] of order.lines.entries()) {
    if (pack === null || credits === null) continue
    const entry = await Entries.ofKey(trx, organization, order.client, "order", grantKey(order.id, position))
    if (entry === undefined) continue
    const due =
      Order.creditsBack(credits, { total, refunded: after }) - Order.creditsBack(credits, { total, refunded: before })
    const incoming = await Entries.incoming(trx, organization, entry.payer)
    // An operator may have taken some of them back before.
    const left = entry.amount - revokedOf(incoming, [entry.seq])
    const wanted = due < left ? due : left
    if (wanted <= 0n) continue
    const key = { namespace: "refund", key: grantKey(id, position), hash: null } as const
    const spent = policy === "forgive" ? "forgive" : "owe"
    const taken = await takeBack(session, { entry, amount: wanted, spent, key })
    if (Result.isFailure(taken)) return Result.fail(taken.failure)
    if (taken.success.entry !== null) sum = added(sum, takenBy(taken.success.entry))
  }
  if (policy === "block" && sum.owed > 0n) await suspend(session, order.client)
  const { client } = order
  locked.record({ client, kind: "credits.revoked", payload: { order: order.id, reversal: id, policy, ...sum } })
  return Result.succeed(sum)
}

const added = (a: PaymentReversals.Taken, b: PaymentReversals.Taken): PaymentReversals.Taken => ({
  credits: a.credits + b.credits,
  taken: a.taken + b.taken,
  owed: a.owed + b.owed,
  forgiven: a.forgiven + b.forgiven
})

/** Whom a reversal of a payment concerns: its client, and whose wallets its credits went to. */
export const concerned = async (
  { db }: Pick<Database.Connection, "db">,
  organization: Id.Id,
  { client, order: id }: Pick<Payments.Payment, "client" | "order">
): Promise<ReadonlyArray<Id.Id>> => {
  const order = await Orders.byId(db, organization, id)
  const names = new Set([client])
  for (const position of order?.lines.keys() ?? []) {
    const entry = await Entries.ofKey(db, organization, client, "order", grantKey(id, position))
    if (entry !== undefined) names.add(entry.payer)
  }
  return [...names]
}

/** One that is suspended for this cause already stays so, and one that is closed stays closed. */
const suspend = async ({ locked }: Session, client: string): Promise<void> => {
  const suspension = { cause: "system", by: "system", at: locked.at, reason: "payment_failed", note: null } as const
  await locked.decide(client, { _tag: "ChangeLifecycle", command: { _tag: "Suspend", suspension }, at: locked.at })
}
