/**
 * Orders and their lines. There is one order of a client for a reason and what it is for, by a unique key; what becomes of
 * it is decided by `Order`, under the lock of its client's tree.
 */
import { type Currency, type Id, type Instant, type Money, type Order, Rate } from "@capstan/domain"
import type { Kysely, Selectable } from "kysely"
import * as Rows from "./Rows.ts"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export interface Placed {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly reason: Order.Reason
  /** What it is for: with the reason, there is one order of it. */
  readonly reference: string
  /** Of the request that placed it; null where nobody asked. */
  readonly hash: Buffer | null
  readonly currency: Currency.Currency
  readonly lines: ReadonlyArray<Order.Line>
  readonly state: Order.State
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

/** Those for which there was none as yet. */
export const insert = async (
  trx: Trx,
  organization: Id.Id,
  orders: ReadonlyArray<Placed>
): Promise<ReadonlyArray<Placed>> => {
  const inserted = new Set<Id.Id>()
  for (const some of Rows.some(orders)) {
    const rows = await trx
      .insertInto("billing_order")
      .values(some.map((order) => newRow(organization, order)))
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .execute()
    for (const { id } of rows) inserted.add(id)
  }
  const placed = orders.filter(({ id }) => inserted.has(id))
  for (const some of Rows.some(placed.flatMap((order) => newLines(organization, order))))
    await trx.insertInto("order_line").values(some).execute()
  return placed
}

const newRow = (organization: Id.Id, { id, client, reason, reference, hash, currency, state, createdAt }: Placed) => ({
  organization_id: organization,
  id,
  client_id: client,
  reason,
  reference,
  request_hash: hash,
  status: state.status,
  currency,
  subtotal: state.total,
  total: state.total,
  created_at: new Date(createdAt),
  updated_at: new Date(createdAt)
})

const newLines = (organization: Id.Id, { id, lines }: Placed) =>
  lines.map(({ description, pack, credits, unitPrice, amount }, position) => ({
    organization_id: organization,
    order_id: id,
    position,
    description,
    pack_id: pack,
    credits,
    unit_price: Rate.format(unitPrice),
    amount
  }))

/** What became of it. */
export const update = async (
  trx: Trx,
  organization: Id.Id,
  id: Id.Id,
  { status, refunded, paidAt }: Order.State,
  at: Instant.Instant
): Promise<void> => {
  await trx
    .updateTable("billing_order")
    .set({ status, refunded, paid_at: paidAt === null ? null : new Date(paidAt), updated_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const byId = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Placed | undefined> =>
  (await byIds(db, organization, [id])).get(id)

const byIds = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Placed>> => {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  const placed = await withLines(db, organization, rows)
  return new Map(placed.map((order) => [order.id, order]))
}

/** The one for a reason and what it is for; of a period that was billed anew, the last. */
export const of = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  reason: Order.Reason,
  reference: string
): Promise<Placed | undefined> => {
  const rows = await db
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("reason", "=", reason)
    .where("reference", "=", reference)
    .orderBy((eb) => eb("status", "in", ["void", "refunded"]))
    .orderBy("id", "desc")
    .execute()
  return (await withLines(db, organization, rows))[0]
}

/** The purchase that was made under a key, whoever made it. */
export const purchase = async (db: Kysely<Tables>, organization: Id.Id, key: string): Promise<Placed | undefined> => {
  const rows = await db
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("reason", "=", "purchase")
    .where("reference", "=", key)
    .execute()
  return (await withLines(db, organization, rows))[0]
}

/** The one for a period of a subscription, whoever pays: neither void, nor given back in whole. */
export const cycle = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  reference: string
): Promise<Placed | undefined> => {
  const rows = await db
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("reason", "=", "subscription_cycle")
    .where("reference", "=", reference)
    .where("status", "not in", ["void", "refunded"])
    .execute()
  return (await withLines(db, organization, rows))[0]
}

/** Those of periods of a subscription, whoever pays, that nobody has paid. */
export const pendingCycles = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  subscription: Id.Id
): Promise<ReadonlyArray<Placed>> => {
  const rows = await db
    .selectFrom("billing_order")
    .selectAll("billing_order")
    .innerJoin("billed_period as b", (join) =>
      join.onRef("b.organization_id", "=", "billing_order.organization_id").onRef("b.order_id", "=", "billing_order.id")
    )
    .where("billing_order.organization_id", "=", organization)
    .where("b.subscription_id", "=", subscription)
    .where("billing_order.status", "=", "pending")
    .execute()
  return withLines(db, organization, rows)
}

export const withLines = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  rows: ReadonlyArray<Selectable<Tables["billing_order"]>>
): Promise<ReadonlyArray<Placed>> => {
  if (rows.length === 0) return []
  const lines = await db
    .selectFrom("order_line")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("order_id", "=", eb.fn.any(eb.val(rows.map(({ id }) => id)))))
    .orderBy("order_id")
    .orderBy("position")
    .execute()
  const linesByOrder = Map.groupBy(lines, ({ order_id }) => order_id)
  return rows.map((row) => ({
    id: row.id,
    client: row.client_id,
    reason: row.reason,
    reference: row.reference,
    hash: row.request_hash,
    currency: row.currency as Currency.Currency,
    lines: (linesByOrder.get(row.id) ?? []).map(toLine),
    state: {
      status: row.status,
      total: row.total as Money.Minor,
      refunded: row.refunded as Money.Minor,
      paidAt: row.paid_at
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at
  }))
}

const toLine = (row: Selectable<Tables["order_line"]>): Order.Line => ({
  description: row.description,
  pack: row.pack_id,
  credits: row.credits,
  unitPrice: Rate.parse(row.unit_price),
  amount: row.amount as Money.Minor
})
