/**
 * Changes a person in a client: address, name, external id, role. To make somebody OWNER is to hand it on: the OWNER of
 * before becomes an ADMIN.
 */
import type { Role, Team } from "@capstan/domain"
import { type Caller, MemberView, Organizations } from "@capstan/store"
import { Result } from "effect"
import { staleness } from "../Doors.ts"
import { closedTo, giverOf, refusedAddress } from "./Admitted.ts"
import { onMember } from "./Named.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

/** What is absent stays; null clears. */
export interface Patch {
  readonly email?: string | undefined
  readonly name?: string | null | undefined
  readonly externalId?: string | null | undefined
  readonly role?: Role.Member | undefined
}

export const updateMember = (caller: Caller, named: MemberView.Named, patch: Patch) =>
  onMember<MemberView.Member>(
    caller,
    named,
    { procedure: "members.update", payload: patch },
    async (session, before, parts) => {
      const { at } = session.locked
      const { settings } = await Organizations.get(session.trx, caller.organization)
      const { email = before.email, name = before.name, externalId = before.externalId, role = before.role } = patch
      const barred =
        staleness(caller, before.version) ??
        closedTo(parts) ??
        (email === before.email ? undefined : refusedAddress(settings, email))
      if (barred !== undefined) return Result.fail(barred)
      const of = { by: giverOf(caller, before.client), member: before.id, at }
      const commands: ReadonlyArray<Team.Command> = [
        { _tag: "ChangeDetails", ...of, email, name, externalId },
        { _tag: "ChangeRole", ...of, role }
      ]
      let roster = await Roster.load(session, before.client, { email })
      for (const command of commands) {
        const changed = await change(session, roster, command)
        if (Result.isFailure(changed)) return Result.fail(changed.failure)
        roster = changed.success
      }
      return Result.succeed(MemberView.present(Roster.memberOf(roster, before.id)))
    }
  )
