/** Raises of spending caps that somebody has to consent to. The old limit holds meanwhile. */
import { Id, Raise as Domain } from "@capstan/domain"
import { Schema } from "effect"
import { Limit } from "./Caps.ts"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const Raise = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  cap: Id.Id,
  name: Schema.String.annotate({ description: "The name of the cap." }),
  limit: Limit,
  before: Limit.annotate({ description: "The limit when it was asked for." }),
  consent: Domain.Consent.annotate({
    description: "Whose consent it takes: the payer's, the provider's, or none where whoever asked may set it."
  }),
  status: Domain.Status.annotate({ identifier: "RaiseStatus" }),
  note: Schema.NullOr(Schema.String),
  requestedBy: Schema.String,
  requestedAt: Wire.Instant,
  expiresAt: Wire.instant("Unless it is decided on before."),
  decidedBy: Schema.NullOr(Schema.String),
  decidedAt: Schema.NullOr(Wire.Instant),
  approvalUrl: Schema.NullOr(Schema.String).annotate({
    description:
      "A signed page on which it can be approved or declined without a token, as long as it is pending. Only those who may approve it are told."
  })
}).annotate({ identifier: "Raise" })
export interface Raise extends Schema.Schema.Type<typeof Raise> {}

const decided = Schema.Struct({ raise: Id.Id, idempotencyKey: Wire.idempotencyKey })
const refuses = ["resource_not_found", "idempotency_conflict", "not_admissible"] as const

export const procedures = {
  request: mutation({
    rest: "POST /v1/raises",
    summary: "Ask for a higher limit of a cap; the old one holds until it is approved",
    scope: "spending:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      client: Wire.ClientRef,
      cap: Wire.line(1, 100).annotate({ description: "The name of the client's cap." }),
      limit: Limit,
      note: Schema.optionalKey(Schema.NullOr(Wire.line(1, 500))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: Raise,
    refuses
  }),
  list: query({
    rest: "GET /v1/raises",
    summary: "List raises, newest first",
    scope: "spending:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.ClientRef),
      status: Schema.optionalKey(Domain.Status),
      ...Page.fields
    }),
    output: Page.of(Raise),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/raises/{raise}",
    summary: "Read a raise",
    scope: "spending:read",
    input: Schema.Struct({ raise: Id.Id }),
    output: Raise,
    refuses: ["resource_not_found"]
  }),
  approve: mutation({
    rest: "POST /v1/raises/{raise}/approve",
    summary: "Approve a raise: the cap has the new limit. Again, it changes nothing",
    scope: "spending:write",
    idempotency: "optional",
    input: decided,
    output: Raise,
    refuses
  }),
  decline: mutation({
    rest: "POST /v1/raises/{raise}/decline",
    summary: "Decline a raise: the cap stays as it is",
    scope: "spending:write",
    idempotency: "optional",
    input: decided,
    output: Raise,
    refuses
  })
}
