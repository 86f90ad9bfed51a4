/**
 * Decides about the people of a client, and writes what was decided. The log has each change with what was before and after it;
 * where a seat was taken, also how many there were, and how many are taken with it.
 */
import { type Id, type Instant, Team } from "@capstan/domain"
import { Database, Invitations, Members } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import * as PeopleLog from "./PeopleLog.ts"
import { refused } from "./Refused.ts"
import { invitationOf, memberOf, type Roster } from "./Roster.ts"

type Of<Tag extends Team.Event["_tag"]> = Extract<Team.Event, { readonly _tag: Tag }>

/** The same roster where nothing has changed. */
export const change = async (
  session: Session,
  roster: Roster,
  command: Team.Command
): Promise<Result.Result<Roster, Refused>> => {
  const decided = Team.decide(roster.team, command)
  if (Result.isFailure(decided)) return Result.fail(refused(decided.failure))
  try {
    let after = roster
    for (const event of decided.success) after = await enact(session, after, event)
    return Result.succeed(after)
  } catch (error) {
    // Letters that are alike to Postgres alone.
    if (!Database.isTaken(error)) throw error
    return Result.fail({ _tag: "Taken", what: "e-mail address", value: addressIn(command) })
  }
}

const addressIn = (command: Team.Command): string => {
  if (command._tag === "Invite") return command.invitation.email
  if (command._tag === "AddMember") return command.member.email
  return command._tag === "ChangeDetails" ? command.email : ""
}

const enact = async (session: Session, before: Roster, event: Team.Event): Promise<Roster> => {
  const roster = { ...before, team: Team.evolve(before.team, event) }
  switch (event._tag) {
    case "Invited":
      return invited(session, roster, event)
    case "Resent": {
      const { role, expiresAt, at } = event
      const { sent } = invitationOf(roster, event.invitation)
      return settled(session, roster, event, { role, expiresAt, sent: sent + 1, sentAt: at })
    }
    case "Revoked":
      return settled(session, roster, event, { status: "revoked" })
    case "Accepted": {
      const added = await joined(session, roster, event.member, event.invitation)
      return settled(session, added, event, { status: "accepted", acceptedAt: event.at, member: event.member.id })
    }
    case "Added":
      return joined(session, roster, event.member, null)
    case "RoleChanged":
      return changed(session, roster, event.member, event.at, { role: event.role })
    case "DetailsChanged": {
      const { email, name, externalId } = event
      return changed(session, roster, event.member, event.at, { email, name, externalId })
    }
    case "Removed":
      return removed(session, roster, event)
    case "SeatsSet":
      return roster
  }
}

const invited = async (
  { trx, caller, locked }: Session,
  roster: Roster,
  { invitation: asked, at }: Of<"Invited">
): Promise<Roster> => {
  const { since, ...facts } = asked
  const { client } = roster
  const times = { sentAt: at, acceptedAt: null, createdAt: since, updatedAt: at }
  const invitation = { ...facts, client, invitedBy: caller.actor, sent: 1, member: null, version: 1n, ...times }
  await Invitations.insert(trx, caller.organization, invitation)
  const payload = { ...PeopleLog.ofInvitation(null, invitation), seats: seatsOf(roster, at) }
  locked.record({ client, kind: "invitation.created", payload })
  return { ...roster, invitations: seated(roster.invitations, invitation) }
}

const kindOf = { Resent: "invitation.resent", Revoked: "invitation.revoked", Accepted: "invitation.accepted" } as const

const settled = async (
  { trx, caller, locked }: Session,
  roster: Roster,
  event: Of<"Accepted"> | Of<"Resent"> | Of<"Revoked">,
  patch: Partial<Invitations.Invitation>
): Promise<Roster> => {
  const before = invitationOf(roster, event.invitation)
  const after = { ...before, ...patch, updatedAt: event.at }
  await Invitations.update(trx, caller.organization, after)
  const seats = event._tag === "Resent" ? { seats: seatsOf(roster, event.at) } : {}
  const payload = { ...PeopleLog.ofInvitation(before, after), ...seats }
  locked.record({ client: roster.client, kind: kindOf[event._tag], payload })
  return { ...roster, invitations: seated(roster.invitations, { ...after, version: before.version + 1n }) }
}

const joined = async (
  { trx, caller, locked }: Session,
  roster: Roster,
  { since, ...facts }: Team.Member,
  invitation: Id.Id | null
): Promise<Roster> => {
  const { client } = roster
  const times = { onboardedAt: null, lastSeenAt: null, createdAt: since, updatedAt: since }
  const member = { ...facts, client, version: 1n, ...times }
  await Members.insert(trx, caller.organization, member)
  const payload = { ...PeopleLog.ofMember(null, member), invitation, seats: seatsOf(roster, since) }
  locked.record({ client, kind: "member.created", payload })
  return { ...roster, members: seated(roster.members, member) }
}

const changed = async (
  { trx, caller, locked }: Session,
  roster: Roster,
  id: Id.Id,
  at: Instant.Instant,
  patch: Partial<Members.Member>
): Promise<Roster> => {
  const before = memberOf(roster, id)
  const after = { ...before, ...patch, updatedAt: at }
  await Members.update(trx, caller.organization, after)
  locked.record({ client: roster.client, kind: "member.updated", payload: PeopleLog.ofMember(before, after) })
  return { ...roster, members: seated(roster.members, { ...after, version: before.version + 1n }) }
}

const removed = async (
  { trx, caller, locked }: Session,
  roster: Roster,
  { member: id, at }: Of<"Removed">
): Promise<Roster> => {
  await Members.remove(trx, caller.organization, id, at)
  const payload = PeopleLog.ofMember(memberOf(roster, id), null)
  locked.record({ client: roster.client, kind: "member.deleted", payload })
  return roster
}

const seatsOf = ({ team }: Roster, at: Instant.Instant) => ({ limit: team.seats, taken: Team.taken(team, at) })

const seated = <A extends { readonly id: Id.Id }>(all: ReadonlyMap<Id.Id, A>, one: A): ReadonlyMap<Id.Id, A> =>
  new Map(all).set(one.id, one)
