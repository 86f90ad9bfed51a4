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
import { type Kysely, type Selectable, type SelectQueryBuilder, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Tables } from "../Tables.ts"
import * as ClientFilter from "./ClientFilter.ts"
import * as Conditions from "./Conditions.ts"
import type * as Page from "./Page.ts"
import * as SortingBy from "./Sorting.ts"

export interface Client extends ClientLifecycle.Standing<Id.Id>, Clients.Profile {
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
  readonly deletedAt: Instant.Instant | null
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
    billingName: client.billingName,
    billingAddress: client.billingAddress,
    taxId: client.taxId,
    taxIdType: client.taxIdType,
    locale: client.locale,
    logoUrl: client.logoUrl,
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
    deletedAt: client.deletedAt,
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

export type Sorting = SortingBy.Name<typeof keys>

export interface Asked extends ClientFilter.Filter, Page.Asked {
  /** Directly below one of them. */
  readonly parent?: ReadonlyArray<string> | undefined
  /** The newest first unless said. */
  readonly sorting?: ReadonlyArray<Sorting> | undefined
  /** In place of a cursor: the answer then counts. */
  readonly page?: number | undefined
}

const keys = {
  createdAt: { value: sql`client.created_at`, is: "instant" },
  updatedAt: { value: sql`client.updated_at`, is: "instant" },
  name: { value: sql`lower(client.name)`, is: "text" },
  email: { value: sql`coalesce(lower(client.email), '')`, is: "text" }
} as const satisfies Readonly<Record<string, SortingBy.Key>>

export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { limit, page: number, ...asked }: Asked
): Promise<Result.Result<Page.Numbered<Client>, Failure>> => {
  const order = SortingBy.of(keys, sql`client.id`, asked.sorting ?? ["-createdAt"])
  const start = SortingBy.start(number === undefined ? asked.cursor : undefined, order)
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const place = start.success
  const parents = await parentsOf(db, within, asked.parent)
  if (Result.isFailure(parents)) return Result.fail(parents.failure)

  const filters = [
    ...(within.reach === null ? [] : [isReached(within.reach)]),
    ...ClientFilter.conditions(within.organization, parents.success, asked)
  ]
  const all = db
    .selectFrom("client")
    .where("client.organization_id", "=", within.organization)
    .where("client.deleted_at", "is", null)
  const from = place === null ? all : all.where(SortingBy.beyond(order, place))
  const [rows, counted] = await Promise.all([
    found(db, from.selectAll(), filters, order, { limit: limit + 1, offset: ((number ?? 1) - 1) * limit }),
    number === undefined
      ? undefined
      : all
          .where(Conditions.all(filters))
          .select((eb) => eb.fn.countAll<bigint>().as("count"))
          .executeTakeFirstOrThrow()
  ])
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const nextCursor =
    rows.length > limit && last !== undefined ? SortingBy.cursorOf(order, { values: last.sorted, id: last.id }) : null
  const items = (await partsOf(db, within, shown.map(Clients.ofRow))).map(present)
  if (number === undefined || counted === undefined) return Result.succeed({ items, nextCursor })
  const total = Number(counted.count)
  return Result.succeed({ items, nextCursor, page: number, totalPages: Math.ceil(total / limit), total })
}

const isReached = (client: Id.Id): Conditions.Condition =>
  sql<boolean>`(client.id = ${client} or client.path @> array[${client}::uuid])`

type Rows = SelectQueryBuilder<Tables, "client", Selectable<Tables["client"]>>

/**
 * Common values are soon found on the way through the order. Where the clients at its beginning do not fill the page, all
 * that fit are found by the indexes of their values, and sorted then: left to choose, Postgres guesses, and may walk past
 * everybody for a few.
 */
const found = async (
  db: Kysely<Tables>,
  from: Rows,
  filters: ReadonlyArray<Conditions.Condition>,
  order: SortingBy.Order,
  { limit, offset }: { readonly limit: number; readonly offset: number }
) => {
  const sorted = (clients: Rows) =>
    clients
      .select(SortingBy.values(order).as("sorted"))
      .orderBy(SortingBy.terms(order))
      .limit(limit)
      .offset(offset)
      .execute()
  if (filters.length === 0) return sorted(from)
  const fits = Conditions.all(filters)
  const inner = (clients: Rows) => db.selectFrom(clients.as("client")).selectAll()
  const passed = from.orderBy(SortingBy.terms(order)).limit(walked * limit + 2 * offset)
  const near = await sorted(inner(passed).where(fits))
  // `offset 0` keeps the order out of how they are found.
  return near.length === limit ? near : sorted(inner(from.where(fits).offset(0)))
}

/** For each client of a page, so many are passed at most. */
const walked = 50

const parentsOf = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  refs: ReadonlyArray<string> | undefined
): Promise<Result.Result<ReadonlyArray<Id.Id> | undefined, Failure>> => {
  if (refs === undefined) return Result.succeed(undefined)
  const ids: Array<Id.Id> = []
  for (const ref of refs) {
    const parent = await Clients.find(db, within, ref)
    if (parent === undefined) return notFound(ref)
    ids.push(parent.id)
  }
  return Result.succeed(ids)
}

const notFound = (id: string) => Result.fail({ _tag: "NotFound", what: "client", id } as const)

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
