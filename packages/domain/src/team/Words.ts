/** What can be asked of a client's people, what comes of it, and why it may not. */
import { Schema } from "effect"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import { Member as Role } from "../Role.ts"
import { Seats } from "../subscription/State.ts"
import { Giver } from "./Giver.ts"
import { Invitation, Member, Person } from "./State.ts"

const { status: _, ...asked } = Invitation.fields
const details = {
  email: Member.fields.email,
  name: Member.fields.name,
  externalId: Member.fields.externalId
}

export const Command = Schema.TaggedUnion({
  Invite: { by: Giver, invitation: Schema.Struct(asked), at: Instant },
  /** With another role, where one is said. */
  Resend: { by: Giver, invitation: Id, role: Schema.NullOr(Role), expiresAt: Instant, at: Instant },
  Revoke: { by: Giver, invitation: Id, at: Instant },
  Accept: { invitation: Id, member: Id, name: Member.fields.name, at: Instant },
  AddMember: { by: Giver, member: Member, at: Instant },
  ChangeRole: { by: Giver, member: Id, role: Role, at: Instant },
  ChangeDetails: { by: Giver, member: Id, ...details, at: Instant },
  Remove: { by: Giver, member: Id, at: Instant },
  SetSeats: { seats: Seats, at: Instant }
})
export type Command = typeof Command.Type
export type Of<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>

export const Event = Schema.TaggedUnion({
  Invited: { invitation: Invitation, at: Instant },
  Resent: { invitation: Id, role: Role, expiresAt: Instant, at: Instant },
  Revoked: { invitation: Id, at: Instant },
  Accepted: { invitation: Id, member: Member, at: Instant },
  Added: { member: Member, at: Instant },
  RoleChanged: { member: Id, role: Role, at: Instant },
  DetailsChanged: { member: Id, ...details, at: Instant },
  Removed: { member: Id, at: Instant },
  SeatsSet: { seats: Seats, at: Instant }
})
export type Event = typeof Event.Type

export const Refusal = Schema.TaggedUnion({
  NoMember: { member: Id },
  NoInvitation: { invitation: Id },
  NoSeat: { seats: Schema.NullOr(Seats), taken: Schema.Int },
  IsMember: { email: Schema.String, member: Id },
  IsInvited: { email: Schema.String, invitation: Id },
  ExternalIdTaken: { externalId: Schema.String },
  InvitationExpired: { at: Instant },
  InvitationAccepted: {},
  InvitationRevoked: {},
  /** Who asks may not give that role, or not take it away. */
  RoleNotYours: { role: Role, by: Giver },
  /** Who asks may not give the role of OWNER, which the first becomes whatever was asked. */
  FirstOwns: { by: Giver },
  OwnerExists: { owner: Id },
  OnlyOwner: { member: Id },
  SeatsTaken: { seats: Seats, taken: Schema.Int, leaving: Schema.Array(Person) }
})
export type Refusal = typeof Refusal.Type
