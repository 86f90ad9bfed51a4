/** Takes an invitation back, whatever becomes of the client: its seat is free, its link worthless. Again, it changes nothing. */
import type { Id } from "@capstan/domain"
import { type Caller, InvitationView } from "@capstan/store"
import { Result } from "effect"
import { giverOf } from "./Admitted.ts"
import { onInvitation } from "./Named.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

export const revokeInvitation = (caller: Caller, { invitation: id }: { readonly invitation: Id.Id }) =>
  onInvitation<InvitationView.Invitation>(
    caller,
    id,
    { procedure: "invitations.revoke", payload: {} },
    async (session, invitation) => {
      const { at } = session.locked
      const command = { _tag: "Revoke", by: giverOf(caller, invitation.client), invitation: id, at } as const
      const after = await change(session, await Roster.load(session, invitation.client, { invitation }), command)
      return Result.map(after, (roster) => InvitationView.present(Roster.invitationOf(roster, id), at))
    }
  )
