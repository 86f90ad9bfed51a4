/** Versions of plans. They are never changed: a new one is published, and subscriptions keep theirs. */
import { type Id, type Money, Plan } from "@capstan/domain"
import { Schema } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

const encode = Schema.encodeSync(Plan.Terms)
const decode = Schema.decodeUnknownSync(Plan.Terms)

/** The next version of its key; undefined where another took the number meanwhile. */
export const insert = async (
  trx: Trx,
  organization: Id.Id,
  version: Omit<Plan.Version, "version">
): Promise<Plan.Version | undefined> => {
  const { rows } = await sql<{ version: number }>`
    insert into plan_version (organization_id, id, plan_key, version, name, price, terms, created_at)
    select ${organization}, ${version.id}, ${version.key}, coalesce(max(version), 0) + 1, ${version.name},
      ${version.price}, ${JSON.stringify(encode(version.terms))}, ${new Date(version.createdAt)}
    from plan_version where organization_id = ${organization} and plan_key = ${version.key}
    on conflict (organization_id, plan_key, version) do nothing
    returning version`.execute(trx)
  return rows[0] === undefined ? undefined : { ...version, version: rows[0].version }
}

export const latest = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  key: string
): Promise<Plan.Version | undefined> => {
  const row = await db
    .selectFrom("plan_version")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("plan_key", "=", key)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

export const byIds = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Plan.Version>> => {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom("plan_version")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  return new Map(rows.map((row) => [row.id, ofRow(row)]))
}

export const ofRow = (row: Selectable<Tables["plan_version"]>): Plan.Version => ({
  id: row.id,
  key: row.plan_key,
  version: row.version,
  name: row.name,
  price: row.price as Money.Minor,
  terms: decode(row.terms),
  createdAt: row.created_at
})
