/**
 * The people of a client.
 *
 *                ┌─Resend─┐
 *   Invite ──▶ pending ───┴──Accept──▶ member ──Remove──▶ (gone)
 *                │                       ▲
 *                └──Revoke──▶ revoked    └── AddMember
 *
 * A seat is taken by an invitation, an addition, or an invitation that is sent again after its time: each is refused where
 * that would make more people than seats. Whoever has been invited has their seat, so accepting never lacks one. Where
 * there are members, exactly one is the OWNER: the first becomes it, and only a promotion hands it on, which leaves the
 * OWNER of before an ADMIN. An address is one person's: a member's, or an invitation's, not both.
 */
import { Result } from "effect"
import type { Id } from "./Id.ts"
import { isInvited, isMember, isTaken, noSeat, notGiven, notJoining, over, ownedAlready, roleOf } from "./team/Rules.ts"
import {
  type Invitation,
  isExpired,
  isOpen,
  isSameAddress,
  leaving,
  type Member,
  type State,
  taken
} from "./team/State.ts"
import type { Command, Event, Of, Refusal } from "./team/Words.ts"

export { Giver, mayGive } from "./team/Giver.ts"
export {
  initial,
  Invitation,
  isExpired,
  isOpen,
  isSameAddress,
  limit,
  Member,
  most,
  Person,
  type State,
  Status,
  taken
} from "./team/State.ts"
export { Command, Event, Refusal } from "./team/Words.ts"

type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export const decide = (state: State, command: Command): Decision => {
  switch (command._tag) {
    case "Invite":
      return invite(state, command)
    case "AddMember":
      return add(state, command)
    case "Accept":
    case "Resend":
    case "Revoke": {
      const invitation = state.invitations.find(({ id }) => id === command.invitation)
      return invitation === undefined
        ? refuse({ _tag: "NoInvitation", invitation: command.invitation })
        : settle(state, invitation, command)
    }
    case "ChangeRole":
    case "ChangeDetails":
    case "Remove": {
      const member = state.members.find(({ id }) => id === command.member)
      return member === undefined
        ? refuse({ _tag: "NoMember", member: command.member })
        : change(state, member, command)
    }
    case "SetSeats": {
      const { seats, at } = command
      const people = taken(state, at)
      return people > seats
        ? refuse({ _tag: "SeatsTaken", seats, taken: people, leaving: leaving(state, seats, at) })
        : events({ _tag: "SeatsSet", seats, at })
    }
  }
}

export const evolve = (state: State, event: Event): State => {
  const { members, invitations } = state
  switch (event._tag) {
    case "Invited":
      return { ...state, invitations: [...invitations, event.invitation] }
    case "Resent": {
      const { role, expiresAt } = event
      return { ...state, invitations: patched(invitations, event.invitation, { role, expiresAt }) }
    }
    case "Revoked":
      return { ...state, invitations: patched(invitations, event.invitation, { status: "revoked" }) }
    case "Accepted":
      return {
        ...state,
        members: [...members, event.member],
        invitations: patched(invitations, event.invitation, { status: "accepted" })
      }
    case "Added":
      return { ...state, members: [...members, event.member] }
    case "RoleChanged":
      return { ...state, members: patched(members, event.member, { role: event.role }) }
    case "DetailsChanged": {
      const { email, name, externalId } = event
      return { ...state, members: patched(members, event.member, { email, name, externalId }) }
    }
    case "Removed":
      return { ...state, members: members.filter(({ id }) => id !== event.member) }
    case "SeatsSet":
      return { ...state, seats: event.seats }
  }
}

const invite = (state: State, { by, invitation: asked, at }: Of<"Invite">): Decision => {
  const { email, role } = asked
  const known = notJoining(state, by, role) ?? isMember(state, email) ?? isInvited(state, email, at)
  if (known !== undefined) return refuse(known)
  const refused = ownedAlready(state, role) ?? noSeat(state, at)
  if (refused !== undefined) return refuse(refused)
  const invitation: Invitation = { ...asked, status: "pending" }
  return events(...over(state, email, at), { _tag: "Invited", invitation, at })
}

/** Whoever has been invited keeps the seat of their invitation. */
const add = (state: State, { by, member: asked, at }: Of<"AddMember">): Decision => {
  const { email, externalId, role } = asked
  const refused =
    notJoining(state, by, role) ??
    isMember(state, email) ??
    isTaken(state, externalId, null) ??
    ownedAlready(state, role)
  if (refused !== undefined) return refuse(refused)
  const member = { ...asked, role: roleOf(state, role) }
  const kept = state.invitations.find((invitation) => isOpen(invitation, at) && isSameAddress(invitation.email, email))
  if (kept !== undefined) return events({ _tag: "Accepted", invitation: kept.id, member, at })
  const full = noSeat(state, at)
  return full === undefined ? events(...over(state, email, at), { _tag: "Added", member, at }) : refuse(full)
}

const settle = (
  state: State,
  invitation: Invitation,
  command: Of<"Accept"> | Of<"Resend"> | Of<"Revoke">
): Decision => {
  const { id, status, email, role } = invitation
  const { at } = command
  const expired = isExpired(invitation, at)
  switch (command._tag) {
    case "Accept": {
      if (status === "accepted") return events()
      if (status === "revoked") return refuse({ _tag: "InvitationRevoked" })
      if (expired) return refuse({ _tag: "InvitationExpired", at: invitation.expiresAt })
      const name = command.name ?? invitation.name
      const member = { id: command.member, email, name, role: roleOf(state, role), externalId: null, since: at }
      return events({ _tag: "Accepted", invitation: id, member, at })
    }
    case "Resend": {
      if (status !== "pending")
        return refuse({ _tag: status === "revoked" ? "InvitationRevoked" : "InvitationAccepted" })
      const next = command.role ?? role
      const refused =
        notGiven(command.by, role) ??
        notJoining(state, command.by, next) ??
        (next === role ? undefined : ownedAlready(state, next)) ??
        (expired ? noSeat(state, at) : undefined)
      return refused === undefined
        ? events({ _tag: "Resent", invitation: id, role: next, expiresAt: command.expiresAt, at })
        : refuse(refused)
    }
    case "Revoke": {
      if (status === "revoked") return events()
      if (status === "accepted") return refuse({ _tag: "InvitationAccepted" })
      const refused = notGiven(command.by, role)
      return refused === undefined ? events({ _tag: "Revoked", invitation: id, at }) : refuse(refused)
    }
  }
}

const change = (
  state: State,
  member: Member,
  command: Of<"ChangeDetails"> | Of<"ChangeRole"> | Of<"Remove">
): Decision => {
  const { at, by } = command
  const notYours = notGiven(by, member.role)
  if (notYours !== undefined) return refuse(notYours)
  switch (command._tag) {
    case "ChangeRole":
      return changeRole(state, member, command)
    case "ChangeDetails": {
      const { email, name, externalId } = command
      const moved = !isSameAddress(email, member.email)
      const refused =
        (moved ? (isMember(state, email) ?? isInvited(state, email, at)) : undefined) ??
        isTaken(state, externalId, member.id)
      if (refused !== undefined) return refuse(refused)
      return email === member.email && name === member.name && externalId === member.externalId
        ? events()
        : events(...(moved ? over(state, email, at) : []), {
            _tag: "DetailsChanged",
            member: member.id,
            email,
            name,
            externalId,
            at
          })
    }
    case "Remove":
      return member.role === "OWNER"
        ? refuse({ _tag: "OnlyOwner", member: member.id })
        : events({ _tag: "Removed", member: member.id, at })
  }
}

const changeRole = (state: State, member: Member, { by, role, at }: Of<"ChangeRole">): Decision => {
  const notYours = notGiven(by, role)
  if (notYours !== undefined) return refuse(notYours)
  if (role === member.role) return events()
  if (member.role === "OWNER") return refuse({ _tag: "OnlyOwner", member: member.id })
  const before = role === "OWNER" ? state.members.filter((other) => other.role === "OWNER") : []
  return events(...before.map(({ id }): Event => ({ _tag: "RoleChanged", member: id, role: "ADMIN", at })), {
    _tag: "RoleChanged",
    member: member.id,
    role,
    at
  })
}

const events = (...happened: ReadonlyArray<Event>): Decision => Result.succeed(happened)
const refuse = (refusal: Refusal): Decision => Result.fail(refusal)

const patched = <A extends { readonly id: Id }>(all: ReadonlyArray<A>, id: Id, patch: Partial<A>): ReadonlyArray<A> =>
  all.map((one) => (one.id === id ? { ...one, ...patch } : one))
