/** Members: the people of a client. Where there are any, exactly one of them is its OWNER. */
import { Id, Role } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const PersonName = Wire.line(1, 200)
const ExternalId = Wire.line(1, 255).annotate({ description: "Your own id of the member, unique in its client." })
const MemberRole = Role.Member.annotate({ identifier: "MemberRole" })

/** What one is added or invited as. */
export const joining = {
  client: Wire.ClientRef,
  email: Wire.Email,
  name: Schema.optionalKey(Schema.NullOr(PersonName)),
  role: MemberRole.annotate({
    description: "STAFF unless said. The first member becomes OWNER, whatever is said."
  }).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("STAFF" as const)))
}

export const Member = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: MemberRole,
  externalId: Schema.NullOr(Schema.String),
  completedOnboarding: Schema.Boolean,
  onboardedAt: Schema.NullOr(Wire.Instant),
  lastSeenAt: Schema.NullOr(Wire.instant("When a session of theirs was used last.")),
  etag: Wire.etag,
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant
}).annotate({ identifier: "Member" })
export interface Member extends Schema.Schema.Type<typeof Member> {}

const one = {
  member: Wire.MemberRef,
  client: Schema.optionalKey(Wire.ClientRef.annotate({ description: "Needed where the member is named by `ext:`." }))
}
const { idempotencyKey, ifMatch } = Wire

export const procedures = {
  create: mutation({
    rest: "POST /v1/members",
    summary: "Add a person to a client; one who was invited keeps that seat",
    scope: "members:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({ ...joining, externalId: Schema.optionalKey(ExternalId), idempotencyKey }),
    output: Member,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/members",
    summary: "List members, the newest first",
    scope: "members:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.ClientRef),
      role: Schema.optionalKey(MemberRole),
      email: Schema.optionalKey(Wire.Email),
      ...Page.fields
    }),
    output: Page.of(Member),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/members/{member}",
    summary: "Read a member",
    scope: "members:read",
    input: Schema.Struct(one),
    output: Member,
    refuses: ["resource_not_found"]
  }),
  update: mutation({
    rest: "PATCH /v1/members/{member}",
    summary: "Change a member; to make one OWNER hands it on, and leaves the OWNER of before an ADMIN",
    scope: "members:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      ...one,
      email: Schema.optionalKey(Wire.Email),
      name: Schema.optionalKey(Schema.NullOr(PersonName)),
      externalId: Schema.optionalKey(Schema.NullOr(ExternalId)),
      role: Schema.optionalKey(MemberRole),
      idempotencyKey,
      ifMatch
    }),
    output: Member,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "conflict", "not_admissible"]
  }),
  delete: mutation({
    rest: "DELETE /v1/members/{member}",
    summary: "Remove a member; its seat, address and external id are free at once",
    scope: "members:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({ ...one, idempotencyKey, ifMatch }),
    output: Member,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  })
}
