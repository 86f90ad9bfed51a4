/** Operators: the people of the organization. As long as any is active, one of them is an OWNER. */
import { Id, Role } from "@capstan/domain"
import { Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const OperatorRole = Role.Operator.annotate({ identifier: "OperatorRole" })

export const Operator = Schema.Struct({
  id: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: OperatorRole,
  status: Schema.Literals(["invited", "active"]),
  invitedBy: Schema.String,
  invitedAt: Wire.Instant,
  expiresAt: Wire.instant("Until when the invitation can be accepted."),
  acceptedAt: Schema.NullOr(Wire.Instant),
  lastSeenAt: Schema.NullOr(Wire.instant("When a session of theirs was used last.")),
  etag: Wire.etag,
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant
}).annotate({ identifier: "Operator" })
export interface Operator extends Schema.Schema.Type<typeof Operator> {}

const name = Schema.optionalKey(Schema.NullOr(Wire.line(1, 200)))
const { idempotencyKey } = Wire

export const procedures = {
  invite: mutation({
    rest: "POST /v1/operators",
    summary: "Invite a person to run the organization, the first as OWNER; invited again, they get a new mail",
    scope: "operators:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({ email: Wire.Email, name, role: OperatorRole, idempotencyKey }),
    output: Operator,
    refuses: ["idempotency_conflict", "conflict", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/operators",
    summary: "List operators, newest first",
    scope: "operators:read",
    input: Schema.Struct(Page.fields),
    output: Page.of(Operator),
    refuses: []
  }),
  update: mutation({
    rest: "PATCH /v1/operators/{operator}",
    summary: "Change an operator's name or role; the last OWNER stays one",
    scope: "operators:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      operator: Id.Id,
      name,
      role: Schema.optionalKey(OperatorRole),
      idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: Operator,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  remove: mutation({
    rest: "DELETE /v1/operators/{operator}",
    summary: "Remove an operator, and end their sessions at once; the last OWNER stays",
    scope: "operators:write",
    idempotency: "optional",
    input: Schema.Struct({ operator: Id.Id, idempotencyKey }),
    output: Operator,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
