/** Tells of a threshold that a cap has reached. */
import { announceThreshold, system } from "@capstan/billing"
import { Id, Instant } from "@capstan/domain"
import { Database, Due } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Job } from "./job.ts"

const Reached = Schema.Struct({
  organization: Id.Id,
  client: Id.Id,
  payload: Schema.Struct({
    cap: Id.Id,
    start: Schema.Int,
    percent: Schema.Int,
    used: Schema.String,
    limit: Schema.String
  })
})

const run = Effect.fn("announceThreshold")(function* (data: unknown) {
  const { organization, client, payload } = yield* Schema.decodeUnknownEffect(Reached)(data)
  const { db } = yield* Database.Database
  const now: Instant.Instant | undefined = yield* Effect.promise(() => Due.now(db, organization))
  if (now !== undefined) yield* announceThreshold(system(organization, now), { client, ...payload })
})

export const job: Job = { queue: "announce-threshold", on: ["spending_threshold.reached"], run }
