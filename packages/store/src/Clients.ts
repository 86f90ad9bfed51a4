/**
 * Clients, as rows. What their life depends on (onboarding, suspensions, closing, version) is written by `Trees` alone.
 */
import { type Address, Calendar, type ClientLifecycle, type Currency, type Id, type Instant } from "@capstan/domain"
import type { Expression, ExpressionBuilder, Kysely, Selectable, SqlBool } from "kysely"
import { sql } from "kysely"
import { isTaken, type Trx } from "./Database.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"

export type Metadata = Readonly<Record<string, boolean | number | string>>

/** Who it is, besides its name: for invoices, and for people. */
export interface Profile {
  /** As invoices have it, where that is not its name. */
  readonly billingName: string | null
  readonly billingAddress: Address.Address | null
  /** As the country writes it; with what it is, such as `eu_vat`. */
  readonly taxId: string | null
  readonly taxIdType: string | null
  readonly locale: string | null
  readonly logoUrl: string | null
}

export interface Client extends Profile {
  readonly id: Id.Id
  readonly root: Id.Id
  readonly parent: Id.Id | null
  /** The ancestors, root first. */
  readonly path: ReadonlyArray<Id.Id>
  readonly externalId: string | null
  readonly name: string
  readonly email: string | null
  readonly currency: Currency.Currency
  readonly timeZone: Calendar.Zone
  readonly metadata: Metadata
  readonly usesParentBalance: boolean
  readonly overdraftLimit: bigint
  readonly lifecycle: ClientLifecycle.State
  readonly deletedAt: Instant.Instant | null
  readonly anonymizedAt: Instant.Instant | null
  readonly version: bigint
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

/** Organization, and the subtree that a caller is confined to; null for all of it. */
export interface Within {
  readonly organization: Id.Id
  readonly reach: Id.Id | null
}

type Where = ExpressionBuilder<Tables, "client">

export const isWithin =
  ({ organization, reach }: Within) =>
  (eb: Where): Expression<SqlBool> =>
    eb.and([
      eb("client.organization_id", "=", organization),
      ...(reach === null
        ? []
        : [eb.or([eb("client.id", "=", reach), sql<boolean>`client.path @> array[${reach}::uuid]`])])
    ])

/** By id, or by `ext:` and the external id. */
export const find = async (db: Kysely<Tables>, within: Within, ref: string): Promise<Client | undefined> => {
  const external = ref.startsWith("ext:") ? ref.slice("ext:".length) : null
  if (external === null ? !Ids.isId(ref) : external.includes("\0")) return undefined
  const row = await db
    .selectFrom("client")
    .selectAll()
    .where(isWithin(within))
    .where((eb) => (external === null ? eb("id", "=", ref) : eb("external_id", "=", external)))
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Those of them that there are. */
export const byIds = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Client>> => {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom("client")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  return new Map(rows.map((row) => [row.id, ofRow(row)]))
}

/** How many of a client and of those below it are held up by nothing, its own suspensions left aside. */
export const servedWithin = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<number> => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from client c
    where c.organization_id = ${organization} and (c.id = ${client} or c.path @> array[${client}::uuid])
      and c.closed_at is null and c.onboarded_at is not null
      and (c.id = ${client} or json_array_length(c.suspensions) = 0)
      and not exists (
        select from client a where a.organization_id = ${organization} and a.id = any(c.path) and a.id <> ${client}
          and json_array_length(a.suspensions) > 0
      )`.execute(db)
  return rows[0]?.count ?? 0
}

/** With an empty wallet, and its tree if it is a root; false where the external id is taken. */
export const insert = async (trx: Trx, organization: Id.Id, client: Client): Promise<boolean> => {
  const at = new Date(client.createdAt)
  if (client.parent === null)
    await trx
      .insertInto("tree")
      .values({ organization_id: organization, root_id: client.id, stamp: Ids.mint(), at })
      .execute()
  const { onboardedAt } = client.lifecycle
  const inserted = await trx
    .insertInto("client")
    .values({
      organization_id: organization,
      id: client.id,
      root_id: client.root,
      parent_id: client.parent,
      path: [...client.path],
      external_id: client.externalId,
      name: client.name,
      email: client.email,
      currency: client.currency,
      time_zone: client.timeZone,
      metadata: JSON.stringify(client.metadata),
      ...profileColumns(client),
      uses_parent_balance: client.usesParentBalance,
      overdraft_limit: client.overdraftLimit,
      onboarded_at: onboardedAt === null ? null : new Date(onboardedAt),
      created_at: at,
      updated_at: at
    })
    .onConflict((conflict) => conflict.columns(["organization_id", "external_id"]).doNothing())
    .executeTakeFirst()
  if (inserted.numInsertedOrUpdatedRows === 0n) return false
  await trx.insertInto("wallet").values({ organization_id: organization, client_id: client.id }).execute()
  return true
}

/** Writes who it is, as its version says; false where the external id is taken. */
export const update = async (trx: Trx, organization: Id.Id, client: Client): Promise<boolean> => {
  await sql`savepoint client_update`.execute(trx)
  try {
    await trx
      .updateTable("client")
      .set({
        external_id: client.externalId,
        name: client.name,
        email: client.email,
        currency: client.currency,
        time_zone: client.timeZone,
        metadata: JSON.stringify(client.metadata),
        ...profileColumns(client),
        version: client.version,
        updated_at: new Date(client.updatedAt)
      })
      .where("organization_id", "=", organization)
      .where("id", "=", client.id)
      .execute()
  } catch (error) {
    if (!isTaken(error)) throw error
    await sql`rollback to savepoint client_update`.execute(trx)
    return false
  }
  await sql`release savepoint client_update`.execute(trx)
  return true
}

/** Whether a root has anything that is counted in its currency, or anyone below it. */
export const isBooked = async (trx: Trx, organization: Id.Id, { id }: Pick<Client, "id">): Promise<boolean> => {
  const { rows } = await sql<{ booked: boolean }>`
    select exists (select 1 from client where organization_id = ${organization} and parent_id = ${id})
      or exists (select 1 from entry where organization_id = ${organization} and client_id = ${id})
      or exists (select 1 from entry where organization_id = ${organization} and payer_id = ${id})
      or exists (select 1 from billing_order where organization_id = ${organization} and client_id = ${id})
      or exists (select 1 from subscription where organization_id = ${organization} and client_id = ${id})
      or exists (select 1 from cap where organization_id = ${organization} and client_id = ${id} and removed_at is null)
      or exists (select 1 from auto_recharge where organization_id = ${organization} and client_id = ${id})
      as booked`.execute(trx)
  return rows[0]?.booked ?? false
}

/** Those that were deleted do not count. */
export const hasChildren = async (trx: Trx, organization: Id.Id, id: Id.Id): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from client
    where organization_id = ${organization} and parent_id = ${id} and deleted_at is null limit 1`.execute(trx)
  return rows.length > 0
}

/** It is there by its id only, from now on; its external id is free. */
export const remove = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await sql`
    update client set deleted_at = ${new Date(at)}, deleted_external_id = external_id, external_id = null,
      version = version + 1, updated_at = ${new Date(at)}
    where organization_id = ${organization} and id = ${id}`.execute(trx)
}

interface Anonymous extends Pick<Client, "billingName" | "email" | "name">, Pick<Client["lifecycle"], "suspensions"> {
  readonly at: Instant.Instant
}

/** What stands for who it was. */
export const anonymize = async (
  trx: Trx,
  organization: Id.Id,
  id: Id.Id,
  { at, email, name, billingName, suspensions }: Anonymous
): Promise<void> => {
  await trx
    .updateTable("client")
    .set({
      email,
      name,
      billing_name: billingName,
      suspensions: JSON.stringify(suspensions),
      billing_address: null,
      logo_url: null,
      metadata: JSON.stringify({ anonymizedAt: new Date(at).toISOString() }),
      anonymized_at: new Date(at),
      updated_at: new Date(at)
    })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

/** Something of it that is kept elsewhere has changed, and so it has another version. */
export const touch = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await sql`
    update client set version = version + 1, updated_at = ${new Date(at)}
    where organization_id = ${organization} and id = ${id}`.execute(trx)
}

export const setOverdraft = async (trx: Trx, organization: Id.Id, id: Id.Id, limit: bigint): Promise<void> => {
  await sql`
    update client set overdraft_limit = ${limit} where organization_id = ${organization} and id = ${id}`.execute(trx)
}

/** The instant that the count of its cap is to have begun at; false where it was the last that was given. */
export const askReset = async (trx: Trx, organization: Id.Id, id: Id.Id, asked: Instant.Instant): Promise<boolean> => {
  const { rows } = await sql`
    update client set cap_reset_asked = ${new Date(asked)}
    where organization_id = ${organization} and id = ${id}
      and cap_reset_asked is distinct from ${new Date(asked)}::timestamptz
    returning 1`.execute(trx)
  return rows.length > 0
}

const profileColumns = ({ billingName, billingAddress, taxId, taxIdType, locale, logoUrl }: Profile) => ({
  billing_name: billingName,
  billing_address: billingAddress === null ? null : JSON.stringify(billingAddress),
  tax_id: taxId,
  tax_id_type: taxIdType,
  locale,
  logo_url: logoUrl
})

export const ofRow = (row: Selectable<Tables["client"]>): Client => ({
  id: row.id,
  root: row.root_id,
  parent: row.parent_id,
  path: row.path,
  externalId: row.external_id,
  name: row.name,
  email: row.email,
  currency: row.currency as Currency.Currency,
  timeZone: Calendar.Zone.make(row.time_zone),
  metadata: row.metadata,
  billingName: row.billing_name,
  billingAddress: row.billing_address,
  taxId: row.tax_id,
  taxIdType: row.tax_id_type,
  locale: row.locale,
  logoUrl: row.logo_url,
  usesParentBalance: row.uses_parent_balance,
  overdraftLimit: row.overdraft_limit,
  lifecycle: {
    onboardedAt: row.onboarded_at,
    closedAt: row.closed_at,
    suspensions: row.suspensions as ClientLifecycle.State["suspensions"]
  },
  deletedAt: row.deleted_at,
  anonymizedAt: row.anonymized_at,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at
})
