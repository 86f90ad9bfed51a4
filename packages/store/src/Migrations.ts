/**
 * The schema, step by step. All pending steps run in one transaction, so a database is never half migrated; two
 * processes that start at once wait for each other.
 */
import { Kysely, PostgresDialect, sql } from "kysely"
import { type Migration, Migrator } from "kysely/migration"
import pg from "pg"
import { up as ledger } from "./migrations/0001_ledger.ts"
import { up as caps } from "./migrations/0002_caps.ts"
import { up as payments } from "./migrations/0003_payments.ts"
import { up as recharge } from "./migrations/0004_recharge.ts"
import { up as trees } from "./migrations/0005_trees.ts"
import { up as keys } from "./migrations/0006_keys.ts"
import { up as settings } from "./migrations/0007_settings.ts"
import { up as actions } from "./migrations/0008_actions.ts"
import { up as clients } from "./migrations/0009_clients.ts"
import { up as search } from "./migrations/0010_search.ts"
import { up as people } from "./migrations/0011_people.ts"
import { up as access } from "./migrations/0012_access.ts"
import { up as reactivation } from "./migrations/0013_reactivation.ts"
import { up as audit } from "./migrations/0014_audit.ts"
import { up as sessions } from "./migrations/0015_sessions.ts"
import { up as keysOfClients } from "./migrations/0016_keys_of_clients.ts"
import { up as makers } from "./migrations/0017_makers.ts"

const migrations: Readonly<Record<string, Migration>> = {
  "0001_ledger": { up: ledger },
  "0002_caps": { up: caps },
  "0003_payments": { up: payments },
  "0004_recharge": { up: recharge },
  "0005_trees": { up: trees },
  "0006_keys": { up: keys },
  "0007_settings": { up: settings },
  "0008_actions": { up: actions },
  "0009_clients": { up: clients },
  "0010_search": { up: search },
  "0011_people": { up: people },
  "0012_access": { up: access },
  "0013_reactivation": { up: reactivation },
  "0014_audit": { up: audit },
  "0015_sessions": { up: sessions },
  "0016_keys_of_clients": { up: keysOfClients },
  "0017_makers": { up: makers }
}

export type Status =
  | { readonly _tag: "UpToDate" }
  | { readonly _tag: "Pending"; readonly names: ReadonlyArray<string> }
  /** The database has steps that this version does not know. */
  | { readonly _tag: "Newer"; readonly names: ReadonlyArray<string> }
  /** It has tables of ours, but no record of steps. */
  | { readonly _tag: "Foreign"; readonly tables: ReadonlyArray<string> }

export const status = (url: string): Promise<Status> => withDatabase(url, statusOf)

/** Brings the schema up to date; rejects with one sentence that says what to do where that cannot be. */
export const migrate = (url: string): Promise<void> =>
  withDatabase(url, async (db) => {
    const before = await statusOf(db)
    if (before._tag === "Newer" || before._tag === "Foreign") throw new Error(explain(before))
    const { error } = await migrator(db).migrateToLatest()
    if (error !== undefined) throw error
  })

export const explain = (status: Status): string => {
  switch (status._tag) {
    case "UpToDate":
      return "The database is up to date."
    case "Pending":
      return `The database is behind by ${status.names.join(", ")}: run \`capstan migrate\`.`
    case "Newer":
      return `The database was migrated by a newer Capstan (${status.names.join(", ")}): start that version, or restore a backup.`
    case "Foreign":
      return `The database is half migrated: it has the table ${status.tables.join(", ")} but no record of migrations. Restore a backup, or point DATABASE_URL at an empty database.`
  }
}

const migrator = (db: Kysely<unknown>) =>
  new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) }, allowUnorderedMigrations: false })

const withDatabase = async <A>(url: string, use: (db: Kysely<unknown>) => Promise<A>): Promise<A> => {
  const pool = new pg.Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 5_000 })
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    return await use(db)
  } finally {
    await db.destroy()
  }
}

const statusOf = async (db: Kysely<unknown>): Promise<Status> => {
  const { rows: tables } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = current_schema() order by 1
  `.execute(db)
  const names = new Set(tables.map(({ name }) => name))
  const record = names.has("kysely_migration")
  const ran = record
    ? (await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)).rows.map(
        ({ name }) => name
      )
    : []
  const ours = ["organization", "client", "entry", "wallet"].filter((name) => names.has(name))
  if (ran.length === 0 && ours.length > 0) return { _tag: "Foreign", tables: ours }
  const unknown = ran.filter((name) => !(name in migrations))
  if (unknown.length > 0) return { _tag: "Newer", names: unknown }
  const pending = Object.keys(migrations).filter((name) => !ran.includes(name))
  return pending.length > 0 ? { _tag: "Pending", names: pending } : { _tag: "UpToDate" }
}
