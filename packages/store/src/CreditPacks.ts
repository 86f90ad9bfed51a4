/** Versions of credit packs. They are never changed: a new one is made, and orders keep theirs. */
import { Calendar, CreditPack, type Currency, type Id, type Instant, type Money } from "@capstan/domain"
import { Result, Schema } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

const interval = Schema.NullOr(Calendar.Interval)
const decode = Schema.decodeUnknownSync(interval)

/** The next version of its key; undefined where another took the number meanwhile. */
export const insert = async (
  trx: Trx,
  organization: Id.Id,
  pack: Omit<CreditPack.Version, "archivedAt" | "version">
): Promise<CreditPack.Version | undefined> => {
  const { id, key, name, price, currency, credits, lasts, createdAt } = pack
  const { rows } = await sql<{ version: number }>`
    insert into credit_pack
      (organization_id, id, pack_key, version, name, price, currency, credits, lasts, created_at)
    select ${organization}, ${id}, ${key}, coalesce(max(version), 0) + 1, ${name}, ${price}, ${currency}, ${credits},
      ${lasts === null ? null : JSON.stringify(lasts)}, ${new Date(createdAt)}
    from credit_pack where organization_id = ${organization} and pack_key = ${key}
    on conflict (organization_id, pack_key, version) do nothing
    returning version`.execute(trx)
  return rows[0] === undefined ? undefined : { ...pack, version: rows[0].version, archivedAt: null }
}

/** Also where it is archived: whoever would sell it has to look. */
export const latest = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  key: string
): Promise<CreditPack.Version | undefined> => {
  const row = await db
    .selectFrom("credit_pack")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("pack_key", "=", key)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

export const byId = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  id: Id.Id
): Promise<CreditPack.Version | undefined> => (await byIds(db, organization, [id])).get(id)

export const byIds = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, CreditPack.Version>> => {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom("credit_pack")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  return new Map(rows.map((row) => [row.id, ofRow(row)]))
}

/** A version by its id, or the latest of a key. */
export const find = (db: Kysely<Tables>, organization: Id.Id, ref: string): Promise<CreditPack.Version | undefined> =>
  Ids.isId(ref) ? byId(db, organization, ref) : latest(db, organization, ref)

export interface Asked extends Page.Asked {
  /** All versions of it; without it, the latest of each. */
  readonly key?: string | undefined
  readonly status?: "active" | "archived" | undefined
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  { key, status, limit, cursor }: Asked
): Promise<Result.Result<Page.Page<CreditPack.Version>, Failure>> => {
  const start = Page.start(cursor, "createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const place = start.success
  const rows = await db
    .selectFrom("credit_pack as p")
    .selectAll()
    .where("p.organization_id", "=", organization)
    .$if(key !== undefined, (query) => query.where("p.pack_key", "=", key ?? ""))
    .$if(key === undefined, (query) =>
      query.where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("credit_pack as later")
              .select("later.id")
              .where("later.organization_id", "=", organization)
              .whereRef("later.pack_key", "=", "p.pack_key")
              .whereRef("later.version", ">", "p.version")
          )
        )
      )
    )
    .$if(status !== undefined, (query) => query.where("p.archived_at", status === "archived" ? "is not" : "is", null))
    .$if(place !== null, (query) =>
      query.where(
        sql<boolean>`(p.created_at, p.id) < (${new Date(Number(place?.[1]))}::timestamptz, ${place?.[2]}::uuid)`
      )
    )
    .orderBy("p.created_at", "desc")
    .orderBy("p.id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(ofRow), limit, ({ id, createdAt }) => ["createdAt", createdAt, id]))
}

/** All versions of a key: none of them is sold from then on. */
export const archive = async (trx: Trx, organization: Id.Id, key: string, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("credit_pack")
    .set({ archived_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("pack_key", "=", key)
    .where("archived_at", "is", null)
    .execute()
}

const ofRow = (row: Selectable<Tables["credit_pack"]>): CreditPack.Version => ({
  id: row.id,
  key: row.pack_key,
  version: row.version,
  name: row.name,
  price: row.price as Money.Minor,
  currency: row.currency as Currency.Currency,
  credits: row.credits,
  lasts: decode(row.lasts),
  createdAt: row.created_at,
  archivedAt: row.archived_at
})
