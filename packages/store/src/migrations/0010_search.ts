/**
 * What lists of clients are found and sorted by, at any size: each index is entered by the organization.
 *
 * `search` holds a line of each text that is searched, in lower case; `status` is `ClientLifecycle.status`, said in SQL.
 * Neither is part of what a debit writes.
 */
import { type Kysely, sql } from "kysely"

const extensions = ["pg_trgm", "btree_gin"] as const

const steps = (lower: string) => [
  sql`alter table client
    add column search text not null generated always as (${sql.raw(lower)}) stored,
    add column status text not null generated always as (
      case when closed_at is not null then 'closed'
        when json_array_length(suspensions) > 0 then 'suspended'
        when onboarded_at is null then 'pending_onboarding'
        else 'active' end) stored`,

  sql`create index client_by_search on client using gin (organization_id, search gin_trgm_ops)`,
  sql`create index client_by_metadata on client using gin (organization_id, metadata jsonb_path_ops)`,
  sql`create index client_by_name on client (organization_id, lower(name), id) where deleted_at is null`,
  sql`create index client_by_email on client (organization_id, coalesce(lower(email), ''), id)
    where deleted_at is null`,
  sql`create index client_by_change on client (organization_id, updated_at, id) where deleted_at is null`,
  sql`create index client_by_status on client (organization_id, status, created_at, id)
    where deleted_at is null`,
  sql`create index client_suspended on client (organization_id, id) where json_array_length(suspensions) > 0`,
  sql`drop index client_by_parent`,
  sql`create index client_by_parent on client (organization_id, parent_id, created_at, id)`,
  sql`create index subscription_by_status on subscription (organization_id, status, client_id)
    where base and status <> 'canceled'`,
  sql`create index subscription_by_plan on subscription (organization_id, plan_version_id, client_id)
    where base and status <> 'canceled'`
]

const searched = ["name", "email", "billing_name", "external_id"]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const name of extensions) await extend(db, name)
  const { rows } = await sql<{ name: string }>`
    select collname as name from pg_collation
    where collname in ('und-x-icu', 'pg_c_utf8') and collencoding in (-1, pg_char_to_encoding(getdatabaseencoding()))
    order by collname desc`.execute(db)
  const [collation] = rows
  const text = searched.map((column) => `coalesce(${column}, '')`).join(" || e'\\n' || ")
  const lower = `lower((${text})${collation === undefined ? "" : ` collate "${collation.name}"`})`
  for (const step of steps(lower)) await step.execute(db)
}

const extend = async (db: Kysely<unknown>, name: string): Promise<void> => {
  const { rows } = await sql`select from pg_extension where extname = ${name}`.execute(db)
  if (rows.length > 0) return
  try {
    await sql`create extension if not exists ${sql.id(name)}`.execute(db)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "it did not say why"
    throw new Error(
      `Postgres has no extension ${name} and would not create it (${said}): install its contrib package and run \`create extension ${name}\` in this database as its owner or a superuser, then migrate again.`,
      { cause }
    )
  }
}
