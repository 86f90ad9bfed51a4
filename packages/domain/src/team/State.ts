/**
 * Who has a seat in a client: its members, and whoever has been invited, as long as that is neither settled nor over.
 *
 * Nothing frees the seat of an invitation whose time is over: it is counted by the instant.
 */
import { Schema } from "effect"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import { Member as Role } from "../Role.ts"
import { Seats } from "../subscription/State.ts"

export const Member = Schema.Struct({
  id: Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role,
  externalId: Schema.NullOr(Schema.String),
  since: Instant
})
export interface Member extends Schema.Schema.Type<typeof Member> {}

export const Status = Schema.Literals(["pending", "accepted", "revoked"])
export type Status = typeof Status.Type

export const Invitation = Schema.Struct({
  id: Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role,
  status: Status,
  expiresAt: Instant,
  since: Instant
})
export interface Invitation extends Schema.Schema.Type<typeof Invitation> {}

export interface State {
  readonly members: ReadonlyArray<Member>
  /** Of those that are settled, the ones that a command is about are enough. */
  readonly invitations: ReadonlyArray<Invitation>
  /** How many people there may be; null for as many as there can. */
  readonly seats: number | null
}

export const initial: State = { members: [], invitations: [], seats: null }

/** How many people a client can have, whatever its seats. */
export const most = 2_000

export const limit = ({ seats }: Pick<State, "seats">): number => Math.min(seats ?? most, most)

export const isExpired = ({ status, expiresAt }: Pick<Invitation, "expiresAt" | "status">, at: Instant): boolean =>
  status === "pending" && expiresAt <= at

/** Whether it keeps a seat. */
export const isOpen = ({ status, expiresAt }: Pick<Invitation, "expiresAt" | "status">, at: Instant): boolean =>
  status === "pending" && expiresAt > at

export const taken = ({ members, invitations }: Pick<State, "invitations" | "members">, at: Instant): number =>
  members.length + invitations.filter((invitation) => isOpen(invitation, at)).length

/** Whether two addresses are one: the case of their letters tells nobody apart. */
export const isSameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

export const Person = Schema.Struct({
  kind: Schema.Literals(["invitation", "member"]),
  id: Id,
  email: Schema.String
})
export interface Person extends Schema.Schema.Type<typeof Person> {}

/** Who would have to go, so that `seats` are enough: the newest first; an OWNER only hands on. */
export const leaving = (state: State, seats: typeof Seats.Type, at: Instant): ReadonlyArray<Person> =>
  [
    ...state.members.flatMap(({ id, email, role, since }) =>
      role === "OWNER" ? [] : [{ kind: "member" as const, id, email, since }]
    ),
    ...state.invitations.flatMap((invitation) =>
      isOpen(invitation, at)
        ? [{ kind: "invitation" as const, id: invitation.id, email: invitation.email, since: invitation.since }]
        : []
    )
  ]
    .sort((a, b) => b.since - a.since || (a.id < b.id ? 1 : -1))
    .slice(0, Math.max(0, taken(state, at) - seats))
    .map(({ kind, id, email }) => ({ kind, id, email }))
