/** Tells that a cap will be reached, at the rate it is spent at. */
import { announceForecast, system } from "@capstan/billing"
import { Id, Instant } from "@capstan/domain"
import { Database, Due } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Job } from "./job.ts"

const Foretold = Schema.Struct({
  organization: Id.Id,
  client: Id.Id,
  payload: Schema.Struct({
    cap: Id.Id,
    start: Schema.Int,
    used: Schema.String,
    limit: Schema.String,
    projectedAt: Schema.Int
  })
})

const run = Effect.fn("announceForecast")(function* (data: unknown) {
  const { organization, client, payload } = yield* Schema.decodeUnknownEffect(Foretold)(data)
  const { db } = yield* Database.Database
  const now: Instant.Instant | undefined = yield* Effect.promise(() => Due.now(db, organization))
  if (now !== undefined) yield* announceForecast(system(organization, now), { client, ...payload })
})

export const job: Job = { queue: "announce-forecast", on: ["spending_cap.forecast"], run }
