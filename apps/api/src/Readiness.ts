/** Whether requests can be served: the database answers, is migrated, keeps what it acknowledges, and tells our time. */
import type { Problem } from "@capstan/contract"
import { type Database, Migrations } from "@capstan/store"

export interface Unready {
  readonly _tag: "Unready"
  readonly reason: (typeof Problem.UnreadyReason)["Type"]
}

export interface Ready {
  readonly status: "ready"
  readonly clockSkewMs: number
}

const tolerableSkewMs = 1_000

/** Asked often, it asks the database at most once a second. */
export const probe = (url: string, pool: Database.Connection["pool"]): (() => Promise<Ready | Unready>) => {
  let last: Promise<Ready | Unready> | null = null
  return () => {
    if (last === null) {
      last = ask(url, pool)
      setTimeout(() => (last = null), 1_000).unref()
    }
    return last
  }
}

export const ask = async (url: string, pool: Database.Connection["pool"]): Promise<Ready | Unready> => {
  const unready = (reason: Unready["reason"]): Unready => ({ _tag: "Unready", reason })
  try {
    const status = await Migrations.status(url)
    if (status._tag !== "UpToDate") return unready("migrations_pending")
    const asked = Date.now()
    const { rows } = await pool.query<{ fsync: string; now: number }>(
      "select current_setting('fsync') as fsync, clock_timestamp() as now"
    )
    const answered = Date.now()
    const [row] = rows
    if (row === undefined || row.fsync !== "on") return unready("durability_off")
    // Between asking and answering it was that time there.
    const clockSkewMs = row.now < asked ? row.now - asked : row.now > answered ? row.now - answered : 0
    return Math.abs(clockSkewMs) > tolerableSkewMs ? unready("clock_skewed") : { status: "ready", clockSkewMs }
  } catch {
    return unready("database_unreachable")
  }
}
