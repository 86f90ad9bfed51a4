/** Tells of credits that run low, or are spent. */
import { announceBalance, system } from "@capstan/billing"
import { Id, Instant } from "@capstan/domain"
import { Database, Due } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Job } from "./job.ts"

const Fallen = Schema.Struct({
  id: Id.Id,
  organization: Id.Id,
  client: Id.Id,
  kind: Schema.Literals(["balance.low", "balance.out"]),
  payload: Schema.Struct({ level: Schema.String })
})

const run = Effect.fn("announceBalance")(function* (data: unknown) {
  const { id, organization, client, kind, payload } = yield* Schema.decodeUnknownEffect(Fallen)(data)
  const { db } = yield* Database.Database
  const now: Instant.Instant | undefined = yield* Effect.promise(() => Due.now(db, organization))
  if (now === undefined) return
  const notice = kind === "balance.low" ? "low" : "out"
  yield* announceBalance(system(organization, now), { id, client, notice, ...payload })
})

export const job: Job = { queue: "announce-balance", on: ["balance.low", "balance.out"], run }
