/** Forgets the keys of commands whose time is over, a page at a time. Keys of the ledger are kept for ever. */
import { CommandKeys, Database } from "@capstan/store"
import { Clock, Effect } from "effect"
import type { Job } from "./job.ts"

const run = Effect.fn("pruneKeys")(function* () {
  const { db } = yield* Database.Database
  const now = yield* Clock.currentTimeMillis
  let pruned = 0
  for (;;) {
    const some: number = yield* Effect.promise(() => CommandKeys.prune(db, now))
    if (some === 0) return pruned
    pruned += some
  }
})

export const job: Job = { queue: "prune-keys", cron: "43 3 * * *", run }
