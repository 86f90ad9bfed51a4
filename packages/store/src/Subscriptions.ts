/** Subscriptions: the decider's state as JSON, beside it what is searched for. */
import { type Id, type Instant, Subscription as Domain } from "@capstan/domain"
import { Schema } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import * as AutoRecharges from "./AutoRecharges.ts"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export interface Subscription {
  readonly id: Id.Id
  readonly client: Id.Id
  /** The version of the plan that it is pinned to. */
  readonly plan: Id.Id
  readonly base: boolean
  readonly state: Domain.Subscription
  /** When one of its clocks is next to be looked at. */
  readonly next: Instant.Instant | null
  readonly version: bigint
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

const encode = Schema.encodeSync(Domain.Subscription)
const decode = Schema.decodeUnknownSync(Domain.Subscription)

/** False where the client has a base subscription already. */
export const insert = async (trx: Trx, organization: Id.Id, subscription: Subscription): Promise<boolean> => {
  const { id, client, base, createdAt } = subscription
  const inserted = await trx
    .insertInto("subscription")
    .values({
      organization_id: organization,
      id,
      client_id: client,
      base,
      created_at: new Date(createdAt),
      ...columns(subscription)
    })
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "client_id"])
        .where(sql<boolean>`base and status <> 'canceled'`)
        .doNothing()
    )
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

/** Writes it as it is now, a version on. A recharge may have waited for it. */
export const update = (trx: Trx, organization: Id.Id, subscription: Subscription): Promise<void> =>
  updateAll(trx, organization, [subscription], subscription.updatedAt)

/** The same of many, in one statement. */
export const updateAll = async (
  trx: Trx,
  organization: Id.Id,
  subscriptions: ReadonlyArray<Subscription>,
  at: Instant.Instant
): Promise<void> => {
  if (subscriptions.length === 0) return
  const clients = subscriptions.map(({ client }) => client)
  await AutoRecharges.lookAgain(trx, organization, clients, at)
  const rows = subscriptions.map((subscription) => ({ id: subscription.id, ...columns(subscription) }))
  await sql`
    update subscription s set plan_version_id = n.plan_version_id, status = n.status, grace_ends_at = n.grace_ends_at,
      next_credit_renewal_at = n.next_credit_renewal_at, state = n.state::json, updated_at = n.updated_at,
      version = s.version + 1
    from json_to_recordset(${JSON.stringify(rows)}) as n(id uuid, plan_version_id uuid, status text,
      grace_ends_at timestamptz, next_credit_renewal_at timestamptz, state text, updated_at timestamptz)
    where s.organization_id = ${organization} and s.id = n.id`.execute(trx)
}

/** Looks at its clocks again at another time; nothing of it changes. */
export const defer = (trx: Trx, organization: Id.Id, id: Id.Id, next: Instant.Instant | null): Promise<void> =>
  deferAll(trx, organization, [{ id, next }])

/** The same of many, in one statement. */
export const deferAll = async (
  trx: Trx,
  organization: Id.Id,
  deferred: ReadonlyArray<Pick<Subscription, "id" | "next">>
): Promise<void> => {
  if (deferred.length === 0) return
  const ids = deferred.map(({ id }) => id)
  const nexts = deferred.map(({ next }) => (next === null ? null : new Date(next)))
  await sql`
    update subscription s set next_credit_renewal_at = n.next
    from unnest(${ids}::uuid[], ${nexts}::timestamptz[]) as n(id, next)
    where s.organization_id = ${organization} and s.id = n.id`.execute(trx)
}

export const byIds = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Subscription>> => {
  if (ids.length === 0) return []
  const rows = await db
    .selectFrom("subscription")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...ids]))))
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

/** The base subscription of each client: the one that lives, else the last. */
export const baseOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Subscription>> => {
  if (clients.length === 0) return new Map()
  const rows = await db
    .selectFrom("subscription")
    .distinctOn("client_id")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...clients]))))
    .where("base", "=", true)
    .orderBy("client_id")
    .orderBy(sql`status <> 'canceled'`, "desc")
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute()
  return new Map(rows.map((row) => [row.client_id, ofRow(row)]))
}

/** The live subscriptions of a client, or of it and of all below it. */
export const live = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  of: "client" | "subtree"
): Promise<ReadonlyArray<Subscription>> => {
  const rows = await trx
    .selectFrom("subscription")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("status", "<>", "canceled")
    .where((eb) =>
      of === "client"
        ? eb("client_id", "=", client)
        : eb(
            "client_id",
            "in",
            eb
              .selectFrom("client")
              .select("client.id")
              .where("client.organization_id", "=", organization)
              .where((eb) => eb.or([eb("client.id", "=", client), sql<boolean>`client.path @> array[${client}::uuid]`]))
          )
    )
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

const columns = ({ plan, state, next, updatedAt }: Subscription) => ({
  plan_version_id: plan,
  status: state.status,
  grace_ends_at: state.graceEndsAt === null ? null : new Date(state.graceEndsAt),
  next_credit_renewal_at: next === null ? null : new Date(next),
  state: JSON.stringify(encode(state)),
  updated_at: new Date(updatedAt)
})

export const ofRow = (row: Selectable<Tables["subscription"]>): Subscription => ({
  id: row.id,
  client: row.client_id,
  plan: row.plan_version_id,
  base: row.base,
  state: decode(row.state),
  next: row.next_credit_renewal_at,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at
})
