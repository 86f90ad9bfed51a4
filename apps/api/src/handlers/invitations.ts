/** What answers the procedures of invitations. */
import { inviteMember, resendInvitation, revokeInvitation } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { InvitationView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const invitations: Handlers.Of<Api["invitations"]> = {
  create: ({ client, email, role, name = null }, caller) => inviteMember(caller, { client, email, name, role }),

  list: (asked, caller) => read((db) => InvitationView.list(db, caller, asked, caller.now)),

  resend: ({ invitation, role = null }, caller) => resendInvitation(caller, { invitation, role }),

  revoke: ({ invitation }, caller) => revokeInvitation(caller, { invitation })
}
