/** Removes a person from a client, whatever becomes of the client: the seat, the address and the external id are free. */
import { type Caller, MemberView } from "@capstan/store"
import { Result } from "effect"
import { staleness } from "../Doors.ts"
import { giverOf } from "./Admitted.ts"
import { onMember } from "./Named.ts"
import { change } from "./Change.ts"
import * as Roster from "./Roster.ts"

/** The member as it was. */
export const deleteMember = (caller: Caller, named: MemberView.Named) =>
  onMember<MemberView.Member>(caller, named, { procedure: "members.delete", payload: {} }, async (session, member) => {
    const stale = staleness(caller, member.version)
    if (stale !== undefined) return Result.fail(stale)
    const { at } = session.locked
    const command = { _tag: "Remove", by: giverOf(caller, member.client), member: member.id, at } as const
    const after = await change(session, await Roster.load(session, member.client), command)
    return Result.map(after, () => MemberView.present(member))
  })
