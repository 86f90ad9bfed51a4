/**
 * Sessions: what a person's browser calls by, for some hours. One can do no more than the token that made it, and no more
 * than its person's role may at the time.
 */
import { Id } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import { Scope } from "./Scope.ts"
import * as Wire from "./Wire.ts"

const session = {
  id: Id.Id,
  member: Schema.NullOr(Id.Id).annotate({ description: "Whose it is; null where it is an operator's." }),
  operator: Schema.NullOr(Id.Id),
  client: Schema.NullOr(Id.Id).annotate({ description: "The member's client, to which it is confined." }),
  scopes: Schema.Array(Scope),
  createdBy: Schema.String,
  createdAt: Wire.Instant,
  expiresAt: Wire.Instant,
  revokedAt: Schema.NullOr(Wire.Instant)
}

export const Session = Schema.Struct(session).annotate({ identifier: "Session" })
export interface Session extends Schema.Schema.Type<typeof Session> {}

export const CreatedSession = Schema.Struct({
  ...session,
  token: Schema.String.annotate({ description: "The token of the session. It is shown this once." })
}).annotate({ identifier: "CreatedSession" })

const person = {
  member: Schema.optionalKey(Id.Id).annotate({ description: "A member's, or" }),
  operator: Schema.optionalKey(Id.Id).annotate({ description: "an operator's: one of them is given." })
}

export const procedures = {
  create: mutation({
    rest: "POST /v1/sessions",
    summary:
      "Open a session for a member or an operator whom you have recognised; for an operator it takes operators:write",
    scope: "members:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      member: Schema.optionalKey(Wire.MemberRef),
      client: Schema.optionalKey(
        Wire.ClientRef.annotate({ description: "Needed where the member is named by `ext:`." })
      ),
      operator: person.operator,
      expiresIn: Schema.Int.check(Schema.isBetween({ minimum: 60, maximum: 43_200 }))
        .annotate({ description: "Seconds, an hour unless said; not beyond the end of the token that asks." })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(3_600))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: CreatedSession,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/sessions",
    summary: "List sessions, newest first; those of operators only by operators:read",
    scope: "members:read",
    input: Schema.Struct({ ...person, ...Page.fields }),
    output: Page.of(Session),
    refuses: []
  }),
  revoke: mutation({
    rest: "POST /v1/sessions/{session}/revoke",
    summary: "End a session, at once; ended already, it stays so",
    scope: "members:write",
    idempotency: "optional",
    input: Schema.Struct({ session: Id.Id, idempotencyKey: Wire.idempotencyKey }),
    output: Session,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
