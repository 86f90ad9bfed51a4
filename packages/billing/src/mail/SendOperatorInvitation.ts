/** Sends the mail that invites a person to run an organization: as it stands now, and only while it can be accepted. */
import { type Caller, Database, Operators, Organizations, type Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"
import * as SignedLink from "../links/SignedLink.ts"
import * as Words from "../links/Words.ts"
import { type Asked, called, deliver, inviterOf, sellerOf } from "./Inviting.ts"
import { Mailer, type NotSent } from "./Mailer.ts"

export const sendOperatorInvitation = Effect.fnUntraced(function* (
  caller: Caller,
  asked: Asked
): Effect.fn.Return<void, NotSent | Refused, Database.Database | Mailer | Trees.Trees> {
  const { organization, now } = caller
  const { db } = yield* Database.Database
  const { links } = yield* Mailer
  const operator = yield* Effect.promise(() => Operators.find(db, organization, asked.subject))
  if (operator === undefined || operator.status !== "invited" || operator.expiresAt <= now) return
  const { email, name, role, expiresAt, invitedBy } = operator
  const own = yield* Effect.promise(() => Organizations.get(db, organization))
  const seller = sellerOf(own)
  const inviter = yield* Effect.promise(() => inviterOf(db, organization, invitedBy, seller.name))
  const path = SignedLink.path(links.pepper, "operator", { organization, subject: operator.id, expiresAt })
  yield* deliver(caller, asked, {
    to: email,
    replyTo: own.settings.seller?.email ?? null,
    subject: `You are invited to run the billing of ${own.name}`,
    client: null,
    letter: {
      heading: `Run the billing of ${own.name}`,
      paragraphs: [
        `${name === null ? "Hello" : `Hello ${name}`},`,
        `${inviter} invites you to the people who run the billing of ${own.name}, on Capstan.`
      ],
      facts: [
        ["Your role", called(role)],
        ["Open until", Words.when(expiresAt, own.timeZone)]
      ],
      action: { label: "See the invitation", url: `${links.publicUrl}${path}` },
      note: "Nothing happens until you accept it. If you did not expect it, there is nothing to do.",
      seller
    }
  })
})
