/**
 * Sends an invitation again, with another role where one is said; its time begins anew. That takes no seat as long as it
 * keeps its own; one whose time is over needs one. A mailbox is not filled with it.
 */
import { type Id, Instant, type Role } from "@capstan/domain"
import { type Caller, InvitationView, Organizations } from "@capstan/store"
import { Result } from "effect"
import { closedTo, giverOf, refusedAddress, resentAgain } from "./Admitted.ts"
import { onInvitation } from "./Named.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

export interface Input {
  readonly invitation: Id.Id
  readonly role: Role.Member | null
}

export const resendInvitation = (caller: Caller, { invitation: id, role }: Input) =>
  onInvitation<InvitationView.Invitation>(
    caller,
    id,
    { procedure: "invitations.resend", payload: { role } },
    async (session, invitation, parts) => {
      const { at } = session.locked
      const { client } = invitation
      const { settings } = await Organizations.get(session.trx, caller.organization)
      const again = invitation.status === "pending" ? resentAgain(invitation, at) : undefined
      const barred = closedTo(parts) ?? refusedAddress(settings, invitation.email) ?? again
      if (barred !== undefined) return Result.fail(barred)
      const expiresAt = at + settings.invitationExpiresAfterHours * Instant.hour
      const command = { _tag: "Resend", by: giverOf(caller, client), invitation: id, role, expiresAt, at } as const
      const after = await change(session, await Roster.load(session, client, { invitation }), command)
      return Result.map(after, (roster) => InvitationView.present(Roster.invitationOf(roster, id), at))
    }
  )
