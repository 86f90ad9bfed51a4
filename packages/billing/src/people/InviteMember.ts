/** Invites a person into a client. From now on the invitation keeps a seat for them, until it is settled or its time is over. */
import { Instant, type Role } from "@capstan/domain"
import { type Caller, Ids, InvitationView, Organizations } from "@capstan/store"
import { Result } from "effect"
import { onClient } from "../Doors.ts"
import { closedTo, giverOf, refusedAddress } from "./Admitted.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

export interface Input {
  readonly client: string
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
}

export const inviteMember = (caller: Caller, { client: name, ...asked }: Input) =>
  onClient<InvitationView.Invitation>(
    caller,
    { procedure: "invitations.create", client: name, payload: asked },
    async (trx, locked, parts) => {
      const { at } = locked
      const { settings } = await Organizations.get(trx, caller.organization)
      const barred = closedTo(parts) ?? refusedAddress(settings, asked.email)
      if (barred !== undefined) return Result.fail(barred)
      const session = { trx, caller, locked }
      const { id: client } = parts.client
      const expiresAt = at + settings.invitationExpiresAfterHours * Instant.hour
      const invitation = { id: Ids.mint(), ...asked, expiresAt, since: at }
      const command = { _tag: "Invite", by: giverOf(caller, client), invitation, at } as const
      const after = await change(session, await Roster.load(session, client, asked), command)
      return Result.map(after, (roster) => InvitationView.present(Roster.invitationOf(roster, invitation.id), at))
    }
  )
