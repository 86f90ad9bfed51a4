/**
 * The event log as an outbox: rows that nobody has relayed yet, in the order of each client's own count.
 *
 * Who locks the first waiting row of a client owns what waits of it; others pass that client over. A row is handed on
 * before it is marked, so that a crash repeats it and never loses it: what it is handed to must take a repeat for the
 * same. A transaction is of one organization.
 */
import type { Id, Instant } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import { patiently, type Trx } from "../Database.ts"
import type { Tables } from "../Tables.ts"

export interface Row {
  readonly id: Id.Id
  readonly organization: Id.Id
  readonly client: Id.Id | null
  readonly kind: string
  readonly actor: string
  readonly at: Instant.Instant
  readonly payload: unknown
}

export interface Page {
  readonly relayed: number
  /** The client up to which it went; null where it went through all. */
  readonly last: Id.Id | null
}

/** Organizations after one that have rows to relay, in the order of their ids. */
export const organizations = async (
  db: Kysely<Tables>,
  after: Id.Id | null,
  limit: number
): Promise<ReadonlyArray<Id.Id>> => {
  const { rows } = await sql<{ organization_id: Id.Id }>`
    select distinct organization_id from event
    where relayed_at is null and organization_id > ${after ?? none} order by organization_id limit ${limit}`.execute(db)
  return rows.map(({ organization_id }) => organization_id)
}

/** Hands on some rows, of clients after one, and marks them. */
export const relay = (
  db: Kysely<Tables>,
  organization: Id.Id,
  { after, limit }: { readonly after: Id.Id | null; readonly limit: number },
  handOn: (rows: ReadonlyArray<Row>) => Promise<void>
): Promise<Page> =>
  patiently(() => db.transaction().execute((trx) => relayIn(trx, organization, { after, limit }, handOn)))

const relayIn = async (
  trx: Trx,
  organization: Id.Id,
  { after, limit }: { readonly after: Id.Id | null; readonly limit: number },
  handOn: (rows: ReadonlyArray<Row>) => Promise<void>
): Promise<Page> => {
  const { rows: found } = await sql<Claimed>`
      with few as materialized (
        (select id, recorded_at, client_id, number from event
          where organization_id = ${organization} and relayed_at is null and client_id > ${after ?? none}
          order by client_id, number limit ${limit})
        union all
        (select id, recorded_at, client_id, number from event
          where organization_id = ${organization} and relayed_at is null and client_id is null
          order by number limit ${limit})
      ), owned as materialized (
        select client_id from event
        where organization_id = ${organization} and relayed_at is null and (id, recorded_at) in (
          select distinct on (client_id) id, recorded_at from few where client_id is not null order by client_id, number
        )
        for no key update skip locked
      ), rows as materialized (
        select id, recorded_at::text as recorded, client_id, number, kind, actor, at, payload from event
        where organization_id = ${organization} and relayed_at is null and (id, recorded_at) in (
          select id, recorded_at from few where client_id is null or client_id in (select client_id from owned)
        )
        for no key update skip locked
      )
      select id, recorded, client_id as client, kind, actor, at, payload,
        (select case when count(client_id) = ${limit} then (array_agg(client_id order by client_id desc))[1] end
          from few where client_id is not null) as last
      from rows order by client_id, number, id`.execute(trx)
  if (found.length > 0) {
    await handOn(
      found.map(({ id, client, kind, actor, at, payload }) => ({
        id,
        organization,
        client,
        kind,
        actor,
        at,
        payload
      }))
    )
    await sql`
        update event e set relayed_at = now()
        from unnest(${found.map(({ id }) => id)}::uuid[], ${found.map(({ recorded }) => recorded)}::timestamptz[]) as r(id, recorded_at)
        where e.organization_id = ${organization} and e.id = r.id and e.recorded_at = r.recorded_at`.execute(trx)
  }
  return { relayed: found.length, last: found[0]?.last ?? null }
}

/** A row as it is now; undefined where it is there no more. */
export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Row | undefined> => {
  const query = sql<Row>`
    select id, organization_id as organization, client_id as client, kind, actor, at, payload from event
    where organization_id = ${organization} and id = ${id}`
  const { rows } = await patiently(() => query.execute(db))
  return rows[0]
}

/** How long the oldest row has waited, in milliseconds. */
export const lag = async (db: Kysely<Tables>): Promise<number> => {
  const { rows } = await sql<{ lag: number }>`
    select coalesce(extract(epoch from now() - min(recorded_at)) * 1000, 0)::float8 as lag
    from event where relayed_at is null`.execute(db)
  return rows[0]?.lag ?? 0
}

interface Claimed extends Omit<Row, "organization"> {
  readonly recorded: string
  readonly last: Id.Id | null
}

/** Before every id. */
const none: Id.Id = "00000000-0000-0000-0000-000000000000"
