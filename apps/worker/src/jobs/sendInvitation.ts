/** Sends the mail of an invitation into a client. */
import { sendInvitation, system } from "@capstan/billing"
import { Id, Instant } from "@capstan/domain"
import { Database, Due } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Job } from "./job.ts"

const Invited = Schema.Struct({ id: Id.Id, organization: Id.Id, payload: Schema.Struct({ invitation: Id.Id }) })

const run = Effect.fn("sendInvitation")(function* (data: unknown) {
  const { id, organization, payload } = yield* Schema.decodeUnknownEffect(Invited)(data)
  const { db } = yield* Database.Database
  const now: Instant.Instant | undefined = yield* Effect.promise(() => Due.now(db, organization))
  if (now === undefined) return
  yield* sendInvitation(system(organization, now), { event: id, subject: payload.invitation })
})

export const job: Job = { queue: "send-invitation", on: ["invitation.created", "invitation.resent"], batch: 6, run }
