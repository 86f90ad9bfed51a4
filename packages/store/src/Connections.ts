/** Accounts with payment providers. Their secrets are here sealed only. */
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import type { Kysely, Selectable } from "kysely"
import type { Within } from "./Clients.ts"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

export interface Connection {
  readonly id: Id.Id
  /** The provider's name, such as `sandbox`. */
  readonly gateway: string
  readonly name: string
  readonly sealed: Buffer
  readonly createdAt: Instant.Instant
  readonly disconnectedAt: Instant.Instant | null
}

export const insert = async (trx: Trx, organization: Id.Id, connection: Connection): Promise<void> => {
  const { id, gateway, name, sealed, createdAt } = connection
  await trx
    .insertInto("gateway_connection")
    .values({
      organization_id: organization,
      id,
      gateway,
      name,
      secret: sealed,
      created_at: new Date(createdAt)
    })
    .execute()
}

/** Also one that is disconnected: what was paid through it can still be asked for, and refunded. */
export const byId = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Connection | undefined> => {
  const row = await db
    .selectFrom("gateway_connection")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Whose it is, where only its id is known. */
export const owner = async (db: Kysely<Tables>, id: Id.Id): Promise<Id.Id | undefined> => {
  const row = await db
    .selectFrom("gateway_connection")
    .select("organization_id as organization")
    .where("id", "=", id)
    .executeTakeFirst()
  return row?.organization
}

/** The one that new methods are entered with, unless told: the latest. */
export const latest = async (db: Kysely<Tables>, organization: Id.Id): Promise<Connection | undefined> => {
  const row = await db
    .selectFrom("gateway_connection")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("disconnected_at", "is", null)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Newest first, those that are disconnected included. Whoever is confined to a client sees none. */
export const list = async (
  db: Kysely<Tables>,
  { organization, reach }: Within,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<Connection>, Failure>> => {
  const start = Page.start(cursor, "createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  if (reach !== null) return Result.succeed({ items: [], nextCursor: null })
  const place = start.success
  const rows = await db
    .selectFrom("gateway_connection")
    .selectAll()
    .where("organization_id", "=", organization)
    .where(Page.older(place, "created_at"))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(ofRow), limit, ({ id, createdAt }) => ["createdAt", createdAt, id]))
}

export const disconnect = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("gateway_connection")
    .set({ disconnected_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

/** Held: whoever disconnects it and whoever has methods entered with it come one after the other. */
export const lock = async (
  trx: Trx,
  organization: Id.Id,
  id: Id.Id,
  against: "share" | "update"
): Promise<Connection | undefined> => {
  const row = await trx
    .selectFrom("gateway_connection")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .$call((query) => (against === "share" ? query.forShare() : query.forNoKeyUpdate()))
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

const ofRow = (row: Selectable<Tables["gateway_connection"]>): Connection => ({
  id: row.id,
  gateway: row.gateway,
  name: row.name,
  sealed: row.secret,
  createdAt: row.created_at,
  disconnectedAt: row.disconnected_at
})
