/** Sends the mail of an invitation to run an organization. */
import { sendOperatorInvitation, system } from "@capstan/billing"
import { Id, Instant } from "@capstan/domain"
import { Database, Due } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Job } from "./job.ts"

const Invited = Schema.Struct({ id: Id.Id, organization: Id.Id, payload: Schema.Struct({ operator: Id.Id }) })

const run = Effect.fn("sendOperatorInvitation")(function* (data: unknown) {
  const { id, organization, payload } = yield* Schema.decodeUnknownEffect(Invited)(data)
  const { db } = yield* Database.Database
  const now: Instant.Instant | undefined = yield* Effect.promise(() => Due.now(db, organization))
  if (now === undefined) return
  yield* sendOperatorInvitation(system(organization, now), { event: id, subject: payload.operator })
})

export const job: Job = { queue: "send-operator-invitation", on: ["operator.invited"], batch: 6, run }
