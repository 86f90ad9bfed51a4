/** Keeps a partition of the event log ready for each month to come. */
import { Database, Partitions } from "@capstan/store"
import { Clock, Effect } from "effect"
import type { Job } from "./job.ts"

/** The months of the event log: at the start, and every night. */
const run = Effect.fn("makePartitions")(function* () {
  const { db } = yield* Database.Database
  const now = yield* Clock.currentTimeMillis
  const { months, busy } = yield* Effect.promise(() => Partitions.make(db, now))
  return busy ? yield* Effect.fail({ _tag: "Busy", months }) : months
})

export const job: Job = { queue: "make-partitions", cron: "17 3 * * *", run }
