/**
 * The months of the event log, each a partition, made ahead of time; the default partition takes the rest.
 *
 * Where the default has rows of a month already, they move with it. Whoever makes a month holds a lock that no writer
 * minds, and looks again whether it is there, so it may be done by several at once.
 */
import type { Instant } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import { isTransient, patiently, type Trx } from "../Database.ts"
import type { Tables } from "../Tables.ts"

/** This month and the next three, in UTC. */
const ahead = 3

interface Month {
  readonly table: string
  readonly start: string
  readonly end: string
}

export interface Made {
  readonly months: ReadonlyArray<string>
  /** Writers were too busy to make the rest: it is to be tried again. */
  readonly busy: boolean
}

export const make = async (db: Kysely<Tables>, now: Instant.Instant): Promise<Made> => {
  const months: Array<string> = []
  for (let n = 0; n <= ahead; n++) {
    const month = monthOf(now, n)
    if (await isThere(db, month)) continue
    const outcome = await withRetries(() => db.transaction().execute((trx) => attach(trx, month)))
    if (outcome === "busy") return { months, busy: true }
    if (outcome) months.push(month.table)
  }
  return { months, busy: false }
}

const monthOf = (now: Instant.Instant, n: number): Month => {
  const date = new Date(now)
  const at = (months: number) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1)).toISOString()
  const start = at(n)
  return { table: `event_${start.slice(0, 4)}_${start.slice(5, 7)}`, start, end: at(n + 1) }
}

const isThere = async (db: Kysely<Tables>, { table }: Month): Promise<boolean> => {
  const { rows } = await sql<{ there: boolean }>`select to_regclass(${table}) is not null as there`.execute(db)
  return rows[0]?.there ?? false
}

/**
 * Most rows move while others still write; the few that came meanwhile move when nobody can. Writers are kept out by the
 * parent: one that waits for the default alone has chosen it already, and would be refused.
 */
const attach = async (trx: Trx, month: Month): Promise<boolean> => {
  await sql`lock table event in share update exclusive mode`.execute(trx)
  if (await isThere(trx, month)) return false
  const table = sql.table(month.table)
  await sql`create table ${table} (like event including all)`.execute(trx)
  await move(trx, month)
  await sql`lock table event in access exclusive mode`.execute(trx)
  await move(trx, month)
  await sql`alter table event attach partition ${table}
    for values from (${sql.lit(month.start)}) to (${sql.lit(month.end)})`.execute(trx)
  return true
}

const move = (trx: Trx, { table, start, end }: Month) =>
  sql`
    with moved as (delete from event_default where recorded_at >= ${start} and recorded_at < ${end} returning *)
    insert into ${sql.table(table)} select * from moved`.execute(trx)

const withRetries = (work: () => Promise<boolean>): Promise<boolean | "busy"> =>
  patiently<boolean | "busy">(work).catch((error: unknown) => {
    if (isTransient(error)) return "busy"
    throw error
  })
