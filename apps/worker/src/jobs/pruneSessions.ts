/** Forgets the sessions that have ended long ago, a page at a time. */
import { Database, Sessions } from "@capstan/store"
import { Clock, Effect } from "effect"
import type { Job } from "./job.ts"

const run = Effect.fn("pruneSessions")(function* () {
  const { db } = yield* Database.Database
  const now = yield* Clock.currentTimeMillis
  let pruned = 0
  for (;;) {
    const some: number = yield* Effect.promise(() => Sessions.prune(db, now))
    if (some === 0) return pruned
    pruned += some
  }
})

export const job: Job = { queue: "prune-sessions", cron: "7 4 * * *", run }
