/** Sends the mail that invites a person into a client: as the invitation is now, and only while it can be accepted. */
import { type Caller, Clients, Database, Invitations, Organizations, type Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"
import * as SignedLink from "../links/SignedLink.ts"
import * as Words from "../links/Words.ts"
import { type Asked, called, deliver, inviterOf, sellerOf } from "./Inviting.ts"
import { Mailer, type NotSent } from "./Mailer.ts"

export const sendInvitation = Effect.fnUntraced(function* (
  caller: Caller,
  asked: Asked
): Effect.fn.Return<void, NotSent | Refused, Database.Database | Mailer | Trees.Trees> {
  const { organization, now } = caller
  const { db } = yield* Database.Database
  const { links } = yield* Mailer
  const invitation = yield* Effect.promise(() => Invitations.find(db, organization, asked.subject))
  if (invitation === undefined || invitation.status !== "pending" || invitation.expiresAt <= now) return
  const { email, name, role, expiresAt, invitedBy } = invitation
  const client = yield* Effect.promise(() => Clients.find(db, caller, invitation.client))
  if (client === undefined) return
  const own = yield* Effect.promise(() => Organizations.get(db, organization))
  const seller = sellerOf(own)
  const inviter = yield* Effect.promise(() => inviterOf(db, organization, invitedBy, seller.name))
  const path = SignedLink.path(links.pepper, "invitation", { organization, subject: invitation.id, expiresAt })
  yield* deliver(caller, asked, {
    to: email,
    replyTo: own.settings.seller?.email ?? null,
    subject: `${inviter} invites you to ${client.name}`,
    client: client.id,
    letter: {
      heading: `Join ${client.name}`,
      paragraphs: [
        `${name === null ? "Hello" : `Hello ${name}`},`,
        `${inviter} invites you to ${client.name}${seller.name === inviter ? "" : `, which is served by ${seller.name}`}.`
      ],
      facts: [
        ["Your role", called(role)],
        ["Open until", Words.when(expiresAt, client.timeZone)]
      ],
      action: { label: "See the invitation", url: `${links.publicUrl}${path}` },
      note: "Nothing happens until you accept it. If you did not expect it, there is nothing to do.",
      seller
    }
  })
})
