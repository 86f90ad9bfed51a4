/**
 * The connection to Postgres: a bounded pool, and Kysely on it.
 *
 * `bigint` columns arrive as `bigint`, instants as milliseconds. Every session commits to disk before it answers, waits
 * at most a quarter of a second for a lock and half a minute for a statement.
 */
import { Context, Effect, Layer } from "effect"
import { Kysely, PostgresDialect, type Transaction } from "kysely"
import pg from "pg"
import type { Tables } from "./Tables.ts"

export type Trx = Transaction<Tables>

export interface Connection {
  readonly pool: pg.Pool
  readonly db: Kysely<Tables>
  readonly close: () => Promise<void>
}

export interface Options {
  /** The most connections. */
  readonly max: number
  readonly name?: string
  /** More settings of its sessions, as `-c name=value`. */
  readonly options?: string
}

/** The code of SQLSTATE that means: another transaction holds the lock; come again. */
export const lockTimeout = "55P03"
const deadlock = "40P01"
const serialization = "40001"

/** The code of an error that Postgres itself answered with; a broken connection has none. */
export const sqlState = (error: unknown): string | undefined =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  /^[0-9A-Z]{5}$/.test(error.code) &&
  "severity" in error
    ? error.code
    : undefined

/** Whether another transaction was in the way: nothing was done, and it may go well the next time. */
export const isTransient = (error: unknown): boolean => {
  const code = sqlState(error)
  return code === lockTimeout || code === deadlock || code === serialization
}

/** Whether a unique value is in use. */
export const isTaken = (error: unknown): boolean => sqlState(error) === "23505"

const mostTries = 5

/** Does it again where another transaction was in the way, a few times: it has to be one transaction, or one statement. */
export const patiently = async <A>(work: () => Promise<A>): Promise<A> => {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!isTransient(error) || tries >= mostTries) throw error
    }
  }
}

/** Whether it says that the connection is gone, or could not be made. */
export const isBroken = (error: unknown): boolean => {
  const code = sqlState(error)
  if (code !== undefined) return /^(08|53|57)/.test(code)
  if (!(error instanceof Error) || error instanceof TypeError) return false
  const isOfSocket =
    "code" in error && typeof error.code === "string" && /^(EPIPE|ERR_S(TREAM|SL|OCKET)_)/.test(error.code)
  return "syscall" in error || isOfSocket || /connection|not queryable|timeout/i.test(error.message)
}

const session =
  "-c synchronous_commit=on -c lock_timeout=250ms -c statement_timeout=30s -c idle_in_transaction_session_timeout=30s -c timezone=UTC"

const { builtins } = pg.types
const parsers = new Map<number, (text: string) => unknown>([
  [builtins.INT8, BigInt],
  [builtins.TIMESTAMPTZ, (text) => new Date(text).getTime()]
])

export const connect = (url: string, { max, name = "capstan", options = "" }: Options): Connection => {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: name,
    connectionTimeoutMillis: 5_000,
    // Past the statement timeout: the network has fallen silent.
    query_timeout: 35_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: `${session} ${options}`,
    types: { getTypeParser: (oid, format) => parsers.get(oid) ?? pg.types.getTypeParser(oid, format) }
  })
  // A connection that breaks is replaced; the query at hand tells, or the next one. Unheard, the event would end us.
  pool.on("error", () => {})
  pool.on("connect", (client) => client.on("error", () => {}))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  const close = async (): Promise<void> => {
    await db.destroy()
    // Kysely ends only what went through it.
    if (!pool.ending) await pool.end()
  }
  return { pool, db, close }
}

export class Database extends Context.Service<Database, Connection>()("capstan/Database") {
  static readonly layer = (url: string, options: Options): Layer.Layer<Database> =>
    Layer.effect(
      Database,
      Effect.acquireRelease(
        Effect.sync(() => connect(url, options)),
        ({ close }) => Effect.promise(close)
      )
    )
}
