/** What answers the procedures of invitations. */
import type { KeyObject } from "node:crypto"
import {
  acceptInvitation,
  inviteMember,
  linked,
  resendInvitation,
  revokeInvitation,
  SignedLink
} from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { Database, Due, type Failure, InvitationView } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const invitations = (pepper: KeyObject): Handlers.Of<Api["invitations"]> => ({
  create: ({ client, email, role, name = null }, caller) => inviteMember(caller, { client, email, name, role }),

  list: (asked, caller) => read((db) => InvitationView.list(db, caller, asked, caller.now)),

  resend: ({ invitation, role = null }, caller) => resendInvitation(caller, { invitation, role }),

  revoke: ({ invitation }, caller) => revokeInvitation(caller, { invitation }),

  accept: ({ link, name = null }, { key }) =>
    Effect.flatMap(Database.Database, ({ db }) =>
      Effect.flatMap(
        Effect.promise(() => named(db, pepper, link)),
        (caller) =>
          caller === null
            ? Effect.fail(nowhere)
            : acceptInvitation({ ...caller, key }, { invitation: caller.subject, name })
      )
    )
})

/** Who has the link; null where it is none of ours, or its time is over. */
const named = async (db: Database.Connection["db"], pepper: KeyObject, link: string) => {
  const parts = SignedLink.read(pepper, "invitation", link)
  const now = parts === null ? undefined : await Due.now(db, parts.organization)
  return parts === null || now === undefined || parts.expiresAt <= now
    ? null
    : { ...linked(parts.organization, parts.subject, now), subject: parts.subject }
}

/** What was sent is not told: it may be a link of somebody else's, cut. */
const nowhere: Failure = { _tag: "NotFound", what: "invitation", id: "link" }
