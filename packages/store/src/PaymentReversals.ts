/**
 * Money that went back: refunds, which are an intent before the provider hears of them and come to be known as payments do,
 * and chargebacks, which the bank has made when we hear of them. Each says what became of the credits that were bought.
 */
import type { Id, Instant, Money, Payment } from "@capstan/domain"
import type { Kysely, Selectable } from "kysely"
import type { Trx } from "./Database.ts"
import * as Progress from "./Progress.ts"
import type { Tables } from "./Tables.ts"

/** What became of the credits of a reversal: `credits` is all of it. */
export interface Taken {
  readonly credits: bigint
  /** Out of their lot. */
  readonly taken: bigint
  readonly owed: bigint
  readonly forgiven: bigint
}

export const nothing: Taken = { credits: 0n, taken: 0n, owed: 0n, forgiven: 0n }

export interface Reversal extends Taken {
  readonly id: Id.Id
  readonly payment: Id.Id
  readonly kind: "chargeback" | "refund"
  /** The key that the provider refunds under, or its name of a chargeback. */
  readonly reference: string
  /** Of the request for it; null where nobody asked. */
  readonly asked: { readonly key: string; readonly hash: Buffer } | null
  readonly amount: Money.Minor
  readonly policy: "block" | "forgive" | "owe"
  /** Never `action_required`: nobody has to do anything to be refunded. Nor is the provider's name of a refund kept. */
  readonly state: Payment.State
  readonly createdAt: Instant.Instant
}

/** False where the request for it is known. */
export const insert = async (trx: Trx, organization: Id.Id, reversal: Reversal): Promise<boolean> => {
  const { id, payment, kind, reference, asked, amount, policy, createdAt } = reversal
  const inserted = await trx
    .insertInto("payment_reversal")
    .values({
      organization_id: organization,
      id,
      payment_id: payment,
      kind,
      reference,
      request_key: asked?.key ?? null,
      request_hash: asked?.hash ?? null,
      amount,
      policy,
      created_at: new Date(createdAt),
      ...columns(reversal)
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

export const update = async (trx: Trx, organization: Id.Id, reversal: Reversal): Promise<void> => {
  await trx
    .updateTable("payment_reversal")
    .set(columns(reversal))
    .where("organization_id", "=", organization)
    .where("id", "=", reversal.id)
    .execute()
}

/** Its row is locked until the transaction ends. */
export const lock = async (trx: Trx, organization: Id.Id, id: Id.Id): Promise<Reversal | undefined> => {
  const row = await trx
    .selectFrom("payment_reversal")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** The one that was asked for under a key last; those before it were declined. */
export const askedFor = async (db: Kysely<Tables>, organization: Id.Id, key: string): Promise<Reversal | undefined> => {
  const row = await db
    .selectFrom("payment_reversal")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("request_key", "=", key)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Of payments, oldest first. */
export const ofPayments = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payments: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Reversal>> => {
  if (payments.length === 0) return []
  const rows = await db
    .selectFrom("payment_reversal")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("payment_id", "=", eb.fn.any(eb.val([...payments]))))
    .orderBy("created_at")
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

const columns = ({ state, credits, taken, owed, forgiven }: Reversal) => ({
  status: statusOf(state),
  credits,
  taken,
  owed,
  forgiven,
  ...Progress.columns(state)
})

const statusOf = ({ status }: Payment.State): Exclude<Payment.Status, "action_required"> =>
  status === "action_required" ? "unknown" : status

const ofRow = (row: Selectable<Tables["payment_reversal"]>): Reversal => ({
  id: row.id,
  payment: row.payment_id,
  kind: row.kind,
  reference: row.reference,
  asked:
    row.request_key === null || row.request_hash === null ? null : { key: row.request_key, hash: row.request_hash },
  amount: row.amount as Money.Minor,
  policy: row.policy,
  credits: row.credits,
  taken: row.taken,
  owed: row.owed,
  forgiven: row.forgiven,
  state: { status: row.status, reference: null, actionUrl: null, actionAt: null, ...Progress.ofRow(row) },
  createdAt: row.created_at
})
