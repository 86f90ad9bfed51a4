/** What forbids a change of a client's people, and what gives way to one: each says so, or nothing. */
import type { Id } from "../Id.ts"
import type { Instant } from "../Instant.ts"
import type * as Role from "../Role.ts"
import { type Giver, mayGive } from "./Giver.ts"
import { isExpired, isOpen, isSameAddress, limit, type State, taken } from "./State.ts"
import type { Event, Refusal } from "./Words.ts"

/** The role of who joins: the first owns, and nobody else by joining. */
export const roleOf = ({ members }: State, asked: Role.Member): Role.Member => {
  if (members.length === 0) return "OWNER"
  return asked === "OWNER" ? "ADMIN" : asked
}

export const notGiven = (by: Giver, role: Role.Member): Refusal | undefined =>
  mayGive(by, role) ? undefined : { _tag: "RoleNotYours", role, by }

/** Of who joins: neither the role that was asked, nor to own it as the first. */
export const notJoining = (state: State, by: Giver, asked: Role.Member): Refusal | undefined =>
  notGiven(by, asked) ?? (mayGive(by, roleOf(state, asked)) ? undefined : { _tag: "FirstOwns", by })

export const ownedAlready = ({ members }: State, role: Role.Member): Refusal | undefined => {
  const owner = role === "OWNER" ? members.find((member) => member.role === "OWNER") : undefined
  return owner === undefined ? undefined : { _tag: "OwnerExists", owner: owner.id }
}

export const noSeat = (state: State, at: Instant): Refusal | undefined => {
  const people = taken(state, at)
  return people < limit(state) ? undefined : { _tag: "NoSeat", seats: state.seats, taken: people }
}

export const isMember = ({ members }: State, email: string): Refusal | undefined => {
  const known = members.find((member) => isSameAddress(member.email, email))
  return known === undefined ? undefined : { _tag: "IsMember", email: known.email, member: known.id }
}

export const isInvited = ({ invitations }: State, email: string, at: Instant): Refusal | undefined => {
  const known = invitations.find((invitation) => isOpen(invitation, at) && isSameAddress(invitation.email, email))
  return known === undefined ? undefined : { _tag: "IsInvited", email: known.email, invitation: known.id }
}

export const isTaken = ({ members }: State, externalId: string | null, self: Id | null): Refusal | undefined =>
  externalId !== null && members.some((member) => member.id !== self && member.externalId === externalId)
    ? { _tag: "ExternalIdTaken", externalId }
    : undefined

/** What was invited at this address and is over makes way. */
export const over = ({ invitations }: State, email: string, at: Instant): ReadonlyArray<Event> =>
  invitations.flatMap((invitation) =>
    isExpired(invitation, at) && isSameAddress(invitation.email, email)
      ? [{ _tag: "Revoked", invitation: invitation.id, at }]
      : []
  )
