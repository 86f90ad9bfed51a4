/** The event log as answers show it, newest first: who did what to which object, and how it was before and after. */
import type { Id, Instant } from "@capstan/domain"
import { Result, type Schema } from "effect"
import { type Kysely, type Selectable, type SelectQueryBuilder, sql } from "kysely"
import * as Clients from "../Clients.ts"
import * as Objects from "../events/Objects.ts"
import * as Sides from "../events/Sides.ts"
import type { Failure } from "../Failure.ts"
import { isId } from "../Ids.ts"
import type { Tables } from "../Tables.ts"
import * as Actors from "./Actors.ts"
import { all, any, type Condition, given, isOneOf, literally } from "./Conditions.ts"
import * as Page from "./Page.ts"

export interface Event {
  readonly id: Id.Id
  readonly kind: string
  readonly at: Instant.Instant
  readonly actor: Actors.Actor
  readonly token: Id.Id | null
  /** Null for what is of the organization alone. */
  readonly client: Id.Id | null
  readonly object: Objects.Object | null
  /** The client's own count, from 1; 0 for what is of the organization alone. */
  readonly number: number
  readonly before: Schema.Json
  readonly after: Schema.Json
  /** What else was told. */
  readonly payload: Readonly<Record<string, Schema.Json>>
}

interface Filter {
  readonly client?: string | undefined
  /** Also of all below the client. */
  readonly subtree?: boolean | undefined
  /** Whole, or the beginning up to a dot. */
  readonly kind?: ReadonlyArray<string> | undefined
  readonly actor?: ReadonlyArray<string> | undefined
  readonly token?: ReadonlyArray<Id.Id> | undefined
  /** The id of what they are of. */
  readonly object?: ReadonlyArray<string> | undefined
  readonly from?: Instant.Instant | undefined
  /** Exclusive. */
  readonly to?: Instant.Instant | undefined
}

export interface Asked extends Filter, Page.Asked {}

export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { limit, cursor, client: ref, ...asked }: Asked
): Promise<Result.Result<Page.Page<Event>, Failure>> => {
  const start = Page.start(cursor, "-at", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const client = ref === undefined ? undefined : await Clients.find(db, within, ref)
  if (ref !== undefined && client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const whose = client?.id ?? within.reach
  const subtree = client === undefined || asked.subtree === true
  const found = (of: Condition) =>
    db
      .selectFrom("event")
      .select(columns)
      .where("organization_id", "=", within.organization)
      .where(of)
      .where(all(conditions(asked)))
      .where(Page.older(start.success, "at"))
      .orderBy("at", "desc")
      .orderBy("id", "desc")
      .limit(limit + 1)
  const few = whose === null || !subtree ? null : await fewWithin(db, within.organization, whose)
  const rows =
    few === null
      ? await found(whose === null ? all([]) : isOf(whose, subtree)).execute()
      : await ofEach(db, few, found(sql<boolean>`event.client_id = one.client`), limit + 1)
  const page = Page.of(rows, limit, ({ at, id }) => ["-at", at, id])
  return Result.succeed({ ...page, items: await shown(db, within, page.items) })
}

export const get = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id
): Promise<Result.Result<Event, Failure>> => {
  const row = await db
    .selectFrom("event")
    .select(columns)
    .where("organization_id", "=", within.organization)
    .where("id", "=", id)
    .where(within.reach === null ? all([]) : isOf(within.reach, true))
    .executeTakeFirst()
  const [event] = row === undefined ? [] : await shown(db, within, [row])
  return event === undefined ? Result.fail({ _tag: "NotFound", what: "event", id }) : Result.succeed(event)
}

const columns = ["id", "kind", "actor", "token_id", "client_id", "number", "at", "payload"] as const

type Row = Pick<Selectable<Tables["event"]>, (typeof columns)[number]>

const shown = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  rows: ReadonlyArray<Row>
): Promise<ReadonlyArray<Event>> => {
  const actorByText = await Actors.named(
    db,
    within,
    rows.map(({ actor }) => actor)
  )
  return rows.map((row) => {
    const { before, after, others } = Sides.of(row.kind, row.payload as Readonly<Record<string, Schema.Json>>)
    return {
      id: row.id,
      kind: row.kind,
      at: row.at,
      actor: actorByText.get(row.actor) ?? Actors.of(row.actor),
      token: row.token_id,
      client: row.client_id,
      object: Objects.of(row.kind, row.client_id, row.payload),
      number: Number(row.number),
      before,
      after,
      payload: others
    }
  })
}

/** So many clients are looked up in the log one by one, rather than the log for them. */
const mostByOne = 1_000

/** A client and all below it; null where they are more than a few. */
const fewWithin = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id
): Promise<ReadonlyArray<Id.Id> | null> => {
  const rows = await db
    .selectFrom("client")
    .select("id")
    .where("organization_id", "=", organization)
    .where(sql<boolean>`(id = ${client} or path @> array[${client}::uuid])`)
    .limit(mostByOne + 1)
    .execute()
  return rows.length > mostByOne ? null : rows.map(({ id }) => id)
}

/** The newest of each, by the index of its client, merged: what others have in the log does not matter. */
const ofEach = (
  db: Kysely<Tables>,
  clients: ReadonlyArray<Id.Id>,
  newest: SelectQueryBuilder<Tables, "event", Row>,
  limit: number
): Promise<ReadonlyArray<Row>> =>
  db
    .selectFrom(sql<{ client: Id.Id }>`unnest(${[...clients]}::uuid[])`.as<"one">(sql`one(client)`))
    .innerJoinLateral(newest.as("event"), (join) => join.onTrue())
    .select(columns)
    .orderBy("at", "desc")
    .orderBy("id", "desc")
    .limit(limit)
    .execute()

const isOf = (client: Id.Id, subtree: boolean): Condition =>
  subtree
    ? sql<boolean>`exists (
        select from client c where c.organization_id = event.organization_id and c.id = event.client_id
          and (c.id = ${client} or c.path @> array[${client}::uuid]))`
    : sql<boolean>`event.client_id = ${client}`

const conditions = ({ kind, actor, token, object, from, to }: Filter): ReadonlyArray<Condition> => [
  ...given(kind, (kinds) => any(kinds.map(isKind))),
  ...given(actor, (actors) => any(actors.map(isBy))),
  ...given(token, (tokens) => isOneOf(sql`event.token_id`, tokens, "uuid")),
  ...given(object, (ids) => isOneOf(sql`event.object_id`, ids, "text")),
  ...given(from, (at) => sql<boolean>`event.at >= ${new Date(at)}`),
  ...given(to, (at) => sql<boolean>`event.at < ${new Date(at)}`)
]

const isKind = (kind: string): Condition =>
  kind.endsWith(".") ? sql<boolean>`event.kind like ${`${literally(kind)}%`}` : sql<boolean>`event.kind = ${kind}`

/** As the indexes have it: API tokens by their ids, others by name. */
const isBy = (actor: string): Condition => {
  const { type, id } = Actors.of(actor)
  return type === "token" && id !== null && isId(id)
    ? sql<boolean>`(event.token_id = ${id} and event.actor = ${actor})`
    : sql<boolean>`(event.actor = ${actor} and event.actor not like 'token:%')`
}
