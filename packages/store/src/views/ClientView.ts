/** Clients as answers show them: their facts, and where they stand with their ancestors and their base subscription. */
import {
  type Calendar,
  ClientLifecycle,
  type Currency,
  type Id,
  type Instant,
  type Subscription
} from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type SelectQueryBuilder, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

export interface Client extends ClientLifecycle.Standing<Id.Id> {
  readonly id: Id.Id
  readonly externalId: string | null
  readonly name: string
  readonly email: string | null
  readonly metadata: Clients.Metadata
  /** The version of the client's row. */
  readonly etag: string
  readonly suspensions: ClientLifecycle.State["suspensions"]
  /** The client's status unless it is active, else that of its base subscription. */
  readonly subscriptionStatus: ClientLifecycle.Status | Subscription.Status | "none"
  readonly parent: Id.Id | null
  readonly path: ReadonlyArray<Id.Id>
  readonly currency: Currency.Currency
  readonly timeZone: Calendar.Zone
  /** Whose wallet it draws on. */
  readonly payer: Id.Id
  readonly usesParentBalance: boolean
  readonly onboardedAt: Instant.Instant | null
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

/** What a view is made of. */
export interface Parts {
  readonly client: Clients.Client
  /** The nearest first. */
  readonly ancestors: ReadonlyArray<Clients.Client>
  readonly subscription: Subscription.Status | null
}

export const present = ({ client, ancestors, subscription }: Parts): Client => {
  const placed = ({ id, lifecycle }: Clients.Client) => ({ id, state: lifecycle })
  const standing = ClientLifecycle.standing(placed(client), ancestors.map(placed))
  const line = [client, ...ancestors]
  const payer = line.find(({ usesParentBalance }) => !usesParentBalance) ?? line.at(-1) ?? client
  return {
    ...standing,
    id: client.id,
    externalId: client.externalId,
    name: client.name,
    email: client.email,
    metadata: client.metadata,
    etag: `${client.version}`,
    suspensions: client.lifecycle.suspensions,
    subscriptionStatus: standing.effectiveStatus === "active" ? (subscription ?? "none") : standing.effectiveStatus,
    parent: client.parent,
    path: client.path,
    currency: client.currency,
    timeZone: client.timeZone,
    payer: payer.id,
    usesParentBalance: client.usesParentBalance,
    onboardedAt: client.lifecycle.onboardedAt,
    createdAt: client.createdAt,
    updatedAt: client.updatedAt
  }
}

/** Undefined where it is not there, or not within reach. */
export const parts = async (db: Kysely<Tables>, within: Clients.Within, ref: string): Promise<Parts | undefined> => {
  const client = await Clients.find(db, within, ref)
  return client === undefined ? undefined : (await partsOf(db, within, [client]))[0]
}

export const get = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  ref: string
): Promise<Result.Result<Client, Failure>> => {
  const found = await parts(db, within, ref)
  return found === undefined ? notFound(ref) : Result.succeed(present(found))
}

export type Sorting = "-createdAt" | "-name" | "createdAt" | "name"

export interface Asked extends Page.Asked {
  /** Part of the name, the e-mail address or the external id. */
  readonly query?: string | undefined
  /** What their own facts say. */
  readonly status?: ClientLifecycle.Status | undefined
  /** Directly below it. */
  readonly parent?: string | undefined
  readonly externalId?: string | undefined
  /** Equal as text, all of them. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly sorting?: Sorting | undefined
  /** In place of a cursor: the answer then counts. */
  readonly page?: number | undefined
}

export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  asked: Asked
): Promise<Result.Result<Page.Numbered<Client>, Failure>> => {
  const { limit, sorting = "-createdAt" } = asked
  const column = sorting.endsWith("name") ? "name" : "created_at"
  const cursor = asked.page === undefined ? asked.cursor : undefined
  const start = Page.start(cursor, sorting, column === "name" ? "string" : "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const parent = asked.parent === undefined ? undefined : await Clients.find(db, within, asked.parent)
  if (asked.parent !== undefined && parent === undefined) return notFound(asked.parent)

  const filtered = filter(db, within, asked, parent?.id)
  const descending = sorting.startsWith("-")
  const rows = await filtered
    .selectAll()
    .$if(start.success !== null, (query) => query.where(isBeyond(column, descending, start.success)))
    .orderBy(column, descending ? "desc" : "asc")
    .orderBy("id", descending ? "desc" : "asc")
    .limit(limit + 1)
    .$if(asked.page !== undefined, (query) => query.offset(((asked.page ?? 1) - 1) * limit))
    .execute()
  const page = Page.of(rows.map(Clients.ofRow), limit, (client) => [
    sorting,
    column === "name" ? client.name : client.createdAt,
    client.id
  ])
  const views = (await partsOf(db, within, page.items)).map(present)
  if (asked.page === undefined) return Result.succeed({ ...page, items: views })
  const { total } = await filtered.select((eb) => eb.fn.countAll<bigint>().as("total")).executeTakeFirstOrThrow()
  const numbers = { page: asked.page, totalPages: Math.ceil(Number(total) / limit), total: Number(total) }
  return Result.succeed({ ...page, items: views, ...numbers })
}

const notFound = (id: string) => Result.fail({ _tag: "NotFound", what: "client", id } as const)

const filter = (
  db: Kysely<Tables>,
  within: Clients.Within,
  { query, status, externalId, metadata = {} }: Asked,
  parent: Id.Id | undefined
): SelectQueryBuilder<Tables, "client", object> => {
  let clients = db.selectFrom("client").where(Clients.isWithin(within))
  if (parent !== undefined) clients = clients.where("parent_id", "=", parent)
  if (externalId !== undefined) clients = clients.where("external_id", "=", externalId)
  if (status !== undefined) clients = clients.where(hasStatus[status])
  for (const [key, value] of Object.entries(metadata))
    clients = clients.where(sql<boolean>`client.metadata ->> ${key} = ${value}`)
  if (query !== undefined) {
    const pattern = `%${query.replaceAll(/[\\%_]/g, "\\$&")}%`
    clients = clients.where((eb) =>
      eb.or([eb("name", "ilike", pattern), eb("email", "ilike", pattern), eb("external_id", "ilike", pattern)])
    )
  }
  return clients
}

const isSuspended = sql<boolean>`json_array_length(client.suspensions) > 0`
/** `ClientLifecycle.status`, said in SQL. */
const hasStatus = {
  closed: sql<boolean>`client.closed_at is not null`,
  suspended: sql<boolean>`client.closed_at is null and ${isSuspended}`,
  pending_onboarding: sql<boolean>`client.closed_at is null and not ${isSuspended} and client.onboarded_at is null`,
  active: sql<boolean>`client.closed_at is null and not ${isSuspended} and client.onboarded_at is not null`
}

const isBeyond = (column: "created_at" | "name", descending: boolean, place: Page.Place | null) => {
  const [, value = "", id = ""] = place ?? []
  const from = column === "name" ? sql`${String(value)}` : sql`${new Date(Number(value))}::timestamptz`
  const compare = sql.raw(descending ? "<" : ">")
  return sql<boolean>`(${sql.ref(`client.${column}`)}, client.id) ${compare} (${from}, ${id}::uuid)`
}

const partsOf = async (
  db: Kysely<Tables>,
  { organization }: Clients.Within,
  clients: ReadonlyArray<Clients.Client>
): Promise<ReadonlyArray<Parts>> => {
  const ancestorById = await Clients.byIds(db, organization, [...new Set(clients.flatMap(({ path }) => path))])
  const baseByClient = await Subscriptions.baseOf(
    db,
    organization,
    clients.map(({ id }) => id)
  )
  return clients.map((client) => ({
    client,
    ancestors: client.path.toReversed().flatMap((id) => ancestorById.get(id) ?? []),
    subscription: baseByClient.get(client.id)?.state.status ?? null
  }))
}
