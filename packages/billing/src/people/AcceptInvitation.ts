/**
 * Accepts an invitation: whoever was invited becomes a member, on the seat that was kept for them. Again, it is answered
 * as it is, and nobody joins twice.
 */
import type { Id } from "@capstan/domain"
import { type Caller, Ids, InvitationView, MemberView } from "@capstan/store"
import { Result } from "effect"
import { closedTo } from "./Admitted.ts"
import { onInvitation } from "./Named.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

export interface Input {
  readonly invitation: Id.Id
  /** In place of the one that the invitation has. */
  readonly name: string | null
}

export interface Accepted {
  readonly invitation: InvitationView.Invitation
  /** Null where they have been removed since. */
  readonly member: MemberView.Member | null
}

export const acceptInvitation = (caller: Caller, { invitation: id, name }: Input) =>
  onInvitation<Accepted>(
    caller,
    id,
    { procedure: "invitations.accept", payload: { name } },
    async (session, before, parts) => {
      const { at } = session.locked
      const barred = before.status === "pending" ? closedTo(parts) : undefined
      if (barred !== undefined) return Result.fail(barred)
      const command = { _tag: "Accept", invitation: id, member: Ids.mint(), name, at } as const
      const after = await change(session, await Roster.load(session, before.client, { invitation: before }), command)
      return Result.map(after, (roster) => {
        const invitation = Roster.invitationOf(roster, id)
        const member = roster.members.get(invitation.member ?? "")
        return {
          invitation: InvitationView.present(invitation, at),
          member: member === undefined ? null : MemberView.present(member)
        }
      })
    }
  )
