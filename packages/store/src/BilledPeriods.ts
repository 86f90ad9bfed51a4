/**
 * Which period of a subscription an order is for, and what is to come of it once it is paid: service, and the end of the
 * suspension that somebody asked to be lifted.
 */
import type { Id, Instant } from "@capstan/domain"
import type { Kysely, Selectable } from "kysely"
import * as Rows from "./Rows.ts"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export interface BilledPeriod {
  readonly order: Id.Id
  /** Who subscribes. */
  readonly client: Id.Id
  readonly subscription: Id.Id
  /** The version of the plan that it is at the price of. */
  readonly plan: Id.Id
  readonly epoch: number
  readonly index: number
  readonly start: Instant.Instant
  readonly end: Instant.Instant
  /** Who asked for the suspension to be lifted; null where nobody did. */
  readonly liftedBy: string | null
  /** Of that request; null where it had no key. */
  readonly asked: { readonly key: string; readonly hash: Buffer } | null
  readonly outcome: "given_back" | "served" | null
  /** Why the money was given back. */
  readonly reason: string | null
}

export const insert = async (trx: Trx, organization: Id.Id, periods: ReadonlyArray<BilledPeriod>): Promise<void> => {
  for (const some of Rows.some(periods))
    await trx
      .insertInto("billed_period")
      .values(some.map((period) => newRow(organization, period)))
      .execute()
}

const newRow = (organization: Id.Id, period: BilledPeriod) => ({
  organization_id: organization,
  order_id: period.order,
  client_id: period.client,
  subscription_id: period.subscription,
  plan_version_id: period.plan,
  epoch: period.epoch,
  period: period.index,
  starts_at: new Date(period.start),
  ends_at: new Date(period.end),
  lifted_by: period.liftedBy,
  request_key: period.asked?.key ?? null,
  request_hash: period.asked?.hash ?? null,
  outcome: period.outcome,
  reason: period.reason,
  settled_at: null
})

/** What came of its money; `reason` says why it was given back. */
export const settle = async (
  trx: Trx,
  organization: Id.Id,
  order: Id.Id,
  reason: string | null,
  at: Instant.Instant
): Promise<void> => {
  await trx
    .updateTable("billed_period")
    .set({ outcome: reason === null ? "served" : "given_back", reason, settled_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("order_id", "=", order)
    .execute()
}

const ofOrders = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  orders: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, BilledPeriod>> => {
  if (orders.length === 0) return new Map()
  const rows = await db
    .selectFrom("billed_period")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("order_id", "=", eb.fn.any(eb.val([...orders]))))
    .execute()
  return new Map(rows.map((row) => [row.order_id, ofRow(row)]))
}

export const ofOrder = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  order: Id.Id
): Promise<BilledPeriod | undefined> => (await ofOrders(db, organization, [order])).get(order)

/** The last that was asked for under a key. */
export const askedFor = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  key: string
): Promise<BilledPeriod | undefined> => {
  const row = await db
    .selectFrom("billed_period")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("request_key", "=", key)
    .orderBy("order_id", "desc")
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

const ofRow = (row: Selectable<Tables["billed_period"]>): BilledPeriod => ({
  order: row.order_id,
  client: row.client_id,
  subscription: row.subscription_id,
  plan: row.plan_version_id,
  epoch: row.epoch,
  index: row.period,
  start: row.starts_at,
  end: row.ends_at,
  liftedBy: row.lifted_by,
  asked:
    row.request_key === null || row.request_hash === null ? null : { key: row.request_key, hash: row.request_hash },
  outcome: row.outcome,
  reason: row.reason
})
