/**
 * Payments, each an intent before it is anything else. Beside a payment of an order that was not declined there is no other,
 * by a unique index. What becomes of it is decided by `Payment`, on its locked row.
 */
import type { Currency, Id, Instant, Money } from "@capstan/domain"
import { Payment as Domain } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import * as Rows from "./Rows.ts"
import type { Trx } from "./Database.ts"
import * as Progress from "./Progress.ts"
import type { Tables } from "./Tables.ts"

export interface Payment {
  readonly id: Id.Id
  readonly order: Id.Id
  readonly client: Id.Id
  readonly method: Id.Id
  readonly connection: Id.Id
  readonly amount: Money.Minor
  readonly currency: Currency.Currency
  readonly state: Domain.State
  /** All that went back of it, by us or by the bank. */
  readonly refunded: Money.Minor
  readonly createdAt: Instant.Instant
}

/** False where the order has a payment that was not declined. */
export const insert = async (trx: Trx, organization: Id.Id, payment: Payment): Promise<boolean> =>
  (await insertAll(trx, organization, [payment])) === 1

/** The same of many; how many there are of them. */
export const insertAll = async (trx: Trx, organization: Id.Id, payments: ReadonlyArray<Payment>): Promise<number> => {
  let inserted = 0
  for (const some of Rows.some(payments)) {
    const { numInsertedOrUpdatedRows = 0n } = await trx
      .insertInto("payment")
      .values(some.map((payment) => newRow(organization, payment)))
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    inserted += Number(numInsertedOrUpdatedRows)
  }
  return inserted
}

const newRow = (
  organization: Id.Id,
  { id, order, client, method, connection, amount, currency, state, createdAt }: Payment
) => ({
  organization_id: organization,
  id,
  order_id: order,
  client_id: client,
  method_id: method,
  connection_id: connection,
  amount,
  currency,
  created_at: new Date(createdAt),
  ...columns(state)
})

export const update = async (trx: Trx, organization: Id.Id, id: Id.Id, state: Domain.State): Promise<void> => {
  await trx
    .updateTable("payment")
    .set(columns(state))
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const giveBack = async (trx: Trx, organization: Id.Id, id: Id.Id, amount: Money.Minor): Promise<void> => {
  await trx
    .updateTable("payment")
    .set((eb) => ({ refunded: eb("refunded", "+", amount as bigint) }))
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const byId = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Payment | undefined> => {
  const row = await db
    .selectFrom("payment")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Its row is locked until the transaction ends. */
export const lock = async (trx: Trx, organization: Id.Id, id: Id.Id): Promise<Payment | undefined> => {
  const row = await trx
    .selectFrom("payment")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .forNoKeyUpdate()
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Of each order, oldest first. */
export const ofOrders = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  orders: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Payment>> => {
  if (orders.length === 0) return []
  const rows = await db
    .selectFrom("payment")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("order_id", "=", eb.fn.any(eb.val([...orders]))))
    .orderBy("created_at")
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

/** By the provider's name of it. */
export const byReference = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  connection: Id.Id,
  reference: string
): Promise<Payment | undefined> => {
  const row = await db
    .selectFrom("payment")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("connection_id", "=", connection)
    .where("reference", "=", reference)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Whether the provider may know of a payment whose name there we have not learnt yet. */
export const isAnyUnnamed = async (db: Kysely<Tables>, organization: Id.Id, connection: Id.Id): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from payment where organization_id = ${organization} and connection_id = ${connection}
      and due_at is not null and reference is null and tries > 0 limit 1`.execute(db)
  return rows.length > 0
}

const columns = (state: Domain.State) => ({
  status: state.status,
  reference: state.reference,
  action_url: state.actionUrl,
  action_at: Progress.dateOrNull(state.actionAt),
  ...Progress.columns(state)
})

export const ofRow = (row: Selectable<Tables["payment"]>): Payment => ({
  id: row.id,
  order: row.order_id,
  client: row.client_id,
  method: row.method_id,
  connection: row.connection_id,
  amount: row.amount as Money.Minor,
  currency: row.currency as Currency.Currency,
  state: {
    status: row.status,
    reference: row.reference,
    actionUrl: row.action_url,
    actionAt: row.action_at,
    ...Progress.ofRow(row)
  },
  refunded: row.refunded as Money.Minor,
  createdAt: row.created_at
})
