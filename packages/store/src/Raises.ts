/** Raises of caps that somebody is asked to consent to: of each cap, at most one is pending. */
import type { Id, Instant, Raise } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export const insert = async (trx: Trx, organization: Id.Id, raise: Raise.Raise): Promise<void> => {
  await trx
    .insertInto("cap_raise")
    .values({
      organization_id: organization,
      id: raise.id,
      client_id: raise.client,
      cap_id: raise.cap,
      limit_cost: raise.limit,
      before_cost: raise.before,
      consent: raise.consent,
      note: raise.note,
      requested_by: raise.requestedBy,
      requested_at: new Date(raise.requestedAt),
      expires_at: new Date(raise.expiresAt),
      ...outcome(raise)
    })
    .execute()
}

export const update = async (trx: Trx, organization: Id.Id, raise: Raise.Raise): Promise<void> => {
  await trx
    .updateTable("cap_raise")
    .set(outcome(raise))
    .where("organization_id", "=", organization)
    .where("id", "=", raise.id)
    .execute()
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Raise.Raise | undefined> => {
  const row = await db
    .selectFrom("cap_raise")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** The one that nobody has settled; its time may be over. */
export const pendingOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  cap: Id.Id
): Promise<Raise.Raise | undefined> => {
  const row = await db
    .selectFrom("cap_raise")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("cap_id", "=", cap)
    .where("status", "=", "pending")
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Nothing that somebody wrote about a client's raises is left. */
export const forgetNotes = async (trx: Trx, organization: Id.Id, client: Id.Id): Promise<void> => {
  await trx
    .updateTable("cap_raise")
    .set({ note: null })
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("note", "is not", null)
    .execute()
}

/** A client's, that nobody has settled: at most one of each of its caps. */
export const pendingOfClient = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id
): Promise<ReadonlyArray<Raise.Raise>> => {
  const rows = await db
    .selectFrom("cap_raise")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", "pending")
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

/** A client's, of which nobody has settled any, and whose time is over. */
export const dueOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  at: Instant.Instant
): Promise<ReadonlyArray<Raise.Raise>> => {
  const rows = await db
    .selectFrom("cap_raise")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", "pending")
    .where("expires_at", "<=", sql<number>`${new Date(at)}::timestamptz`)
    .orderBy("expires_at")
    .limit(50)
    .execute()
  return rows.map(ofRow)
}

export const ofRow = (row: Selectable<Tables["cap_raise"]>): Raise.Raise => ({
  id: row.id,
  client: row.client_id,
  cap: row.cap_id,
  limit: row.limit_cost,
  before: row.before_cost,
  consent: row.consent,
  status: row.status,
  note: row.note,
  requestedBy: row.requested_by,
  requestedAt: row.requested_at,
  expiresAt: row.expires_at,
  decidedBy: row.decided_by,
  decidedAt: row.decided_at
})

const outcome = ({ status, decidedBy, decidedAt }: Raise.Raise) => ({
  status,
  decided_by: decidedBy,
  decided_at: decidedAt === null ? null : new Date(decidedAt)
})
