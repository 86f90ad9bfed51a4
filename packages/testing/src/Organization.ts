/** A tenant, ready to use. Each test makes its own, so that tests share a database and see nothing of each other. */
import type pg from "pg"
import { v7 } from "uuid"

export interface Options {
  readonly mode?: "live" | "sandbox"
  readonly currency?: string
  readonly timeZone?: string
  readonly settings?: Readonly<Record<string, unknown>>
  /** Since when it is there: milliseconds, by default the first of 2026. */
  readonly at?: number
}

/** When what tests make came to be, unless they say. */
export const epoch = Date.UTC(2026, 0, 1)

export const create = async (
  pool: pg.Pool,
  { mode = "sandbox", currency = "USD", timeZone = "UTC", settings = {}, at = epoch }: Options = {}
): Promise<{ readonly id: string }> => {
  const id = v7()
  await pool.query(
    `insert into organization (id, name, mode, currency, time_zone, settings, created_at)
     values ($1, 'Test', $2, $3, $4, $5, $6)`,
    [id, mode, currency, timeZone, JSON.stringify(settings), new Date(at)]
  )
  return { id }
}
