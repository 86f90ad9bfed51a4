/**
 * What clients pay with: names that a provider gave, never what they stand for.
 *
 * A client has at most one default. Declines in a row make a method inactive, and some at once; it stays so, with what was
 * said last, until it is charged with success or entered anew.
 */
import type { Decline, Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type Selectable, sql, type Updateable } from "kysely"
import * as Clients from "./Clients.ts"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

export interface PaymentMethod {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly connection: Id.Id
  /** The provider's name of it. */
  readonly reference: string
  readonly type: string
  readonly brand: string | null
  readonly last4: string | null
  readonly isDefault: boolean
  readonly inactive: boolean
  readonly failedAt: Instant.Instant | null
  readonly failedCode: string | null
  readonly failedMessage: string | null
  readonly createdAt: Instant.Instant
  readonly removedAt: Instant.Instant | null
}

export type New = Pick<
  PaymentMethod,
  "brand" | "client" | "connection" | "createdAt" | "id" | "isDefault" | "last4" | "reference" | "type"
>

/** False where the provider's name of it is in use. */
export const insert = async (trx: Trx, organization: Id.Id, method: New): Promise<boolean> => {
  const { id, client, connection, reference, type, brand, last4, isDefault, createdAt } = method
  const inserted = await trx
    .insertInto("payment_method")
    .values({
      organization_id: organization,
      id,
      client_id: client,
      connection_id: connection,
      reference,
      type,
      brand,
      last4,
      is_default: isDefault,
      created_at: new Date(createdAt)
    })
    .onConflict((conflict) =>
      conflict.columns(["organization_id", "connection_id", "reference"]).where("removed_at", "is", null).doNothing()
    )
    .executeTakeFirst()
  return inserted.numInsertedOrUpdatedRows === 1n
}

/** Also one that is removed. */
export const byId = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<PaymentMethod | undefined> => {
  const row = await db
    .selectFrom("payment_method")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** By the provider's name of it. */
export const byReference = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  connection: Id.Id,
  reference: string
): Promise<PaymentMethod | undefined> => {
  const row = await db
    .selectFrom("payment_method")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("connection_id", "=", connection)
    .where("reference", "=", reference)
    .where("removed_at", "is", null)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Also where it is inactive: whoever would charge it has to look. */
export const defaultOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id
): Promise<PaymentMethod | undefined> => (await defaultsOf(db, organization, [client])).get(client)

/** Of each client that has one. */
export const defaultsOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, PaymentMethod>> => {
  const rows = await db
    .selectFrom("payment_method")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...clients]))))
    .where("is_default", "=", true)
    .where("removed_at", "is", null)
    .execute()
  return new Map(rows.map((row) => [row.client_id, ofRow(row)]))
}

/** All that a client has, newest first. */
export const ofClient = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id
): Promise<ReadonlyArray<PaymentMethod>> => {
  const rows = await db
    .selectFrom("payment_method")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("removed_at", "is", null)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute()
  return rows.map(ofRow)
}

/** A page of them. */
export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  ref: string,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<PaymentMethod>, Failure>> => {
  const client = await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const place = start.success
  const rows = await db
    .selectFrom("payment_method")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where("client_id", "=", client.id)
    .where("removed_at", "is", null)
    .where(Page.older(place, "created_at"))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(ofRow), limit, ({ id, createdAt }) => ["createdAt", createdAt, id]))
}

/** Makes it the client's default in place of the one before. */
export const setDefault = async (
  trx: Trx,
  organization: Id.Id,
  { id, client }: Pick<PaymentMethod, "client" | "id">
): Promise<void> => {
  await clearDefault(trx, organization, client)
  await update(trx, organization, id, { is_default: true })
}

const clearDefault = async (trx: Trx, organization: Id.Id, client: Id.Id): Promise<void> => {
  await trx
    .updateTable("payment_method")
    .set({ is_default: false })
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("is_default", "=", true)
    .where("removed_at", "is", null)
    .execute()
}

export const remove = (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> =>
  update(trx, organization, id, { removed_at: new Date(at) })

export interface Failed {
  readonly class: Decline.Class
  readonly code: string
  readonly message: string
  readonly at: Instant.Instant
}

/** Keeps when and why, and whether that is the end of it: at once, or after so many declines in a row. */
export const declined = async (
  trx: Trx,
  organization: Id.Id,
  method: Id.Id,
  { class: of, code, message, at }: Failed,
  declinesUntilInactive: number
): Promise<{ readonly inactive: boolean }> => {
  const isEnd = of === "method" || of === "final"
  const { inactive } = await trx
    .updateTable("payment_method")
    .set({
      declines: sql<number>`declines + 1`,
      inactive: sql<boolean>`inactive or ${isEnd}::boolean or declines + 1 >= ${declinesUntilInactive}::integer`,
      failed_at: new Date(at),
      failed_code: code,
      failed_message: message
    })
    .where("organization_id", "=", organization)
    .where("id", "=", method)
    .returning("inactive")
    .executeTakeFirstOrThrow()
  return { inactive }
}

export const succeeded = (trx: Trx, organization: Id.Id, method: Id.Id): Promise<void> =>
  update(trx, organization, method, mended)

/** Entered anew: what failed before says nothing of it. */
export const renewed = (
  trx: Trx,
  organization: Id.Id,
  method: Id.Id,
  { type, brand, last4 }: Pick<PaymentMethod, "brand" | "last4" | "type">
): Promise<void> => update(trx, organization, method, { ...mended, type, brand, last4 })

const mended = { declines: 0, inactive: false, failed_at: null, failed_code: null, failed_message: null }

/** Whether any client has a method entered with it. */
export const isConnectionUsed = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  connection: Id.Id
): Promise<boolean> => {
  const row = await db
    .selectFrom("payment_method")
    .select("id")
    .where("organization_id", "=", organization)
    .where("connection_id", "=", connection)
    .where("removed_at", "is", null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether a payment with it is under way. */
export const isPaying = async (db: Kysely<Tables>, organization: Id.Id, method: Id.Id): Promise<boolean> => {
  const row = await db
    .selectFrom("payment")
    .select("id")
    .where("organization_id", "=", organization)
    .where("method_id", "=", method)
    .where("settled_at", "is", null)
    .where("status", "in", ["created", "sent", "unknown", "action_required"])
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether more is bought for the client by itself. */
export const isRecharging = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<boolean> => {
  const row = await db
    .selectFrom("auto_recharge")
    .select("enabled")
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .executeTakeFirst()
  return row?.enabled ?? false
}

const update = async (
  trx: Trx,
  organization: Id.Id,
  id: Id.Id,
  values: Updateable<Tables["payment_method"]>
): Promise<void> => {
  await trx
    .updateTable("payment_method")
    .set(values)
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

const ofRow = (row: Selectable<Tables["payment_method"]>): PaymentMethod => ({
  id: row.id,
  client: row.client_id,
  connection: row.connection_id,
  reference: row.reference,
  type: row.type,
  brand: row.brand,
  last4: row.last4,
  isDefault: row.is_default,
  inactive: row.inactive,
  failedAt: row.failed_at,
  failedCode: row.failed_code,
  failedMessage: row.failed_message,
  createdAt: row.created_at,
  removedAt: row.removed_at
})
