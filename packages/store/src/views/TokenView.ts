/** Access tokens as answers show them: with what has become of them by now, and when they were last used. */
import type { Id, Instant } from "@capstan/domain"
import { Power } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as AccessTokens from "../AccessTokens.ts"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

type Status = "active" | "expired" | "revoked"

export interface View extends AccessTokens.AccessToken {
  readonly status: Status
  /** By the organization's clock, as it was then; null where it has not been used, or it was lost in a crash. */
  readonly lastUsedAt: Instant.Instant | null
}

export const present = (
  token: AccessTokens.AccessToken,
  lastUsedAt: Instant.Instant | null,
  now: Instant.Instant
): View => {
  const { revokedAt, expiresAt, previousUntil } = token
  const status = revokedAt !== null ? "revoked" : expiresAt !== null && expiresAt <= now ? "expired" : "active"
  // A secret whose time is over is none.
  return {
    ...token,
    previousUntil: previousUntil !== null && previousUntil > now ? previousUntil : null,
    status,
    lastUsedAt
  }
}

type Key = "createdAt" | "lastUsedAt" | "name"
type Sorting = Key | `-${Key}`

export interface Asked extends Page.Asked {
  /** Confined to this client. */
  readonly client?: string | undefined
  /** Those that may do this. */
  readonly scope?: string | undefined
  readonly status?: Status | undefined
  /** Part of the name. */
  readonly query?: string | undefined
  readonly sorting?: Sorting | undefined
}

type Within = AccessTokens.Reach & { readonly now: Instant.Instant }

export const get = async (db: Kysely<Tables>, within: Within, id: Id.Id): Promise<Result.Result<View, Failure>> => {
  const row = await used(db, within).where("access_token.id", "=", id).executeTakeFirst()
  return row === undefined
    ? Result.fail({ _tag: "NotFound", what: "token", id })
    : Result.succeed(present(AccessTokens.ofRow(row), row.used_at, within.now))
}

export const list = async (
  db: Kysely<Tables>,
  within: Within,
  asked: Asked
): Promise<Result.Result<Page.Page<View>, Failure>> => {
  const { limit, cursor, sorting = "-createdAt", client: ref, scope, status, query } = asked
  const key = keyOf(sorting)
  const start = Page.start(cursor, sorting, key === "name" ? "string" : "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const client = ref === undefined ? null : await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref ?? "" })
  const direction = sorting.startsWith("-") ? "desc" : "asc"
  const rows = await used(db, within)
    .$if(client !== null, (tokens) => tokens.where("reach", "=", client?.id ?? ""))
    .$if(scope !== undefined, (tokens) => tokens.where(may(scope ?? "")))
    .$if(status !== undefined, (tokens) => tokens.where(stands(status ?? "active", within.now)))
    .$if(query !== undefined, (tokens) => tokens.where("name", "ilike", `%${query?.replaceAll(/[\\%_]/g, "\\$&")}%`))
    .$if(start.success !== null, (tokens) => tokens.where(isBeyond(key, direction, start.success)))
    .orderBy(orders[key], direction)
    .orderBy("access_token.id", direction)
    .limit(limit + 1)
    .execute()
  const views = rows.map((row) => present(AccessTokens.ofRow(row), row.used_at, within.now))
  return Result.succeed(
    Page.of(views, limit, (view) => [sorting, key === "name" ? view.name : (view[key] ?? 0), view.id])
  )
}

const used = (db: Kysely<Tables>, within: AccessTokens.Reach) =>
  AccessTokens.visible(db, within)
    .leftJoin("access_token_rate as rate", (join) =>
      join
        .onRef("rate.organization_id", "=", "access_token.organization_id")
        .onRef("rate.token_id", "=", "access_token.id")
    )
    .selectAll("access_token")
    .select("rate.used_at")

const keyOf = (sorting: Sorting): Key => {
  switch (sorting) {
    case "createdAt":
    case "-createdAt":
      return "createdAt"
    case "lastUsedAt":
    case "-lastUsedAt":
      return "lastUsedAt"
    case "name":
    case "-name":
      return "name"
  }
}

/** What has never been used comes before all that has. */
const orders = {
  createdAt: sql`access_token.created_at`,
  lastUsedAt: sql`coalesce(rate.used_at, 'epoch')`,
  name: sql`access_token.name`
}

const isBeyond = (key: Key, direction: "asc" | "desc", place: Page.Place | null) => {
  const [, value = "", id = ""] = place ?? []
  const from = key === "name" ? sql`${String(value)}` : sql`${new Date(Number(value))}::timestamptz`
  return sql<boolean>`(${orders[key]}, access_token.id) ${sql.raw(direction === "desc" ? "<" : ">")} (${from}, ${id}::uuid)`
}

/** The scope itself, or one that implies it. */
const may = (scope: string) => {
  const sufficient = [scope, scope.replace(/:read$/, ":write")].filter((held) => Power.scopesOf([held]).has(scope))
  return sql<boolean>`access_token.scopes && ${sufficient}::text[]`
}

/** `status`, said in SQL. */
const stands = (status: Status, now: Instant.Instant) => {
  const at = new Date(now)
  switch (status) {
    case "revoked":
      return sql<boolean>`access_token.revoked_at is not null`
    case "expired":
      return sql<boolean>`access_token.revoked_at is null and access_token.expires_at <= ${at}`
    case "active":
      return sql<boolean>`access_token.revoked_at is null and (access_token.expires_at is null or access_token.expires_at > ${at})`
  }
}
