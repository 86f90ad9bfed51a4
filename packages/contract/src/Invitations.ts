/** Invitations: each keeps a seat for a person, until it is settled or its time is over. */
import { Id, Role, Team } from "@capstan/domain"
import { Schema } from "effect"
import { joining, Member, PersonName } from "./Members.ts"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const MemberRole = Role.Member.annotate({ identifier: "MemberRole" })
const Status = Team.Status.annotate({ identifier: "InvitationStatus" })

export const Invitation = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: MemberRole,
  status: Status,
  isExpired: Schema.Boolean.annotate({ description: "It is pending, its time is over, and it keeps no seat." }),
  expiresAt: Wire.Instant,
  invitedBy: Schema.String,
  sent: Schema.Int.annotate({ description: "How often it has been sent." }),
  sentAt: Wire.instant("When it was sent last."),
  acceptedAt: Schema.NullOr(Wire.Instant),
  member: Schema.NullOr(Id.Id).annotate({ description: "Who joined by it." }),
  etag: Wire.etag,
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant
}).annotate({ identifier: "Invitation" })
export interface Invitation extends Schema.Schema.Type<typeof Invitation> {}

const { idempotencyKey } = Wire
const one = { invitation: Id.Id }

export const procedures = {
  create: mutation({
    rest: "POST /v1/invitations",
    summary: "Invite a person into a client: a seat is kept for them",
    scope: "members:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({ ...joining, idempotencyKey }),
    output: Invitation,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/invitations",
    summary: "List invitations, the newest first",
    scope: "members:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.ClientRef),
      status: Schema.optionalKey(Status),
      email: Schema.optionalKey(Wire.Email),
      ...Page.fields
    }),
    output: Page.of(Invitation),
    refuses: ["resource_not_found"]
  }),
  resend: mutation({
    rest: "POST /v1/invitations/{invitation}/resend",
    summary: "Send an invitation again, with another role where one is said; its time begins anew",
    scope: "members:write",
    idempotency: "optional",
    input: Schema.Struct({ ...one, role: Schema.optionalKey(MemberRole), idempotencyKey }),
    output: Invitation,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  revoke: mutation({
    rest: "POST /v1/invitations/{invitation}/revoke",
    summary: "Take an invitation back; its seat is free. Again, it changes nothing",
    scope: "members:write",
    idempotency: "optional",
    input: Schema.Struct({ ...one, idempotencyKey }),
    output: Invitation,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  accept: mutation({
    rest: "POST /v1/invitations/accept",
    summary:
      "Accept an invitation by the token of its signed link, which is all that it takes. Again, it changes nothing",
    scope: null,
    idempotency: "optional",
    input: Schema.Struct({
      link: Wire.line(1, 200).annotate({ description: "The last part of the link in the mail." }),
      name: Schema.optionalKey(Schema.NullOr(PersonName)),
      idempotencyKey
    }),
    output: Schema.Struct({
      invitation: Invitation,
      member: Schema.NullOr(Member).annotate({
        description: "Who has joined; null where they have been removed since."
      })
    }),
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
