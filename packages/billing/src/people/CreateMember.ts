/**
 * Adds a person to a client. The first one owns it, whatever was asked. Whoever has been invited at that address keeps
 * the seat of the invitation, which is accepted by this.
 */
import type { Role } from "@capstan/domain"
import { type Caller, Ids, MemberView, Organizations } from "@capstan/store"
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
  readonly externalId: string | null
}

export const createMember = (caller: Caller, { client: name, ...asked }: Input) =>
  onClient<MemberView.Member>(
    caller,
    { procedure: "members.create", client: name, payload: asked },
    async (trx, locked, parts) => {
      const { settings } = await Organizations.get(trx, caller.organization)
      const barred = closedTo(parts) ?? refusedAddress(settings, asked.email)
      if (barred !== undefined) return Result.fail(barred)
      const session = { trx, caller, locked }
      const { id: client } = parts.client
      const member = { id: Ids.mint(), ...asked, since: locked.at }
      const command = { _tag: "AddMember", by: giverOf(caller, client), member, at: locked.at } as const
      const after = await change(session, await Roster.load(session, client, asked), command)
      return Result.map(after, (roster) => MemberView.present(Roster.memberOf(roster, member.id)))
    }
  )
