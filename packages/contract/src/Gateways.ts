/** Payment providers: the accounts that an organization is paid through. Their secrets are never answered. */
import { Id } from "@capstan/domain"
import { Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const Connection = Schema.Struct({
  id: Id.Id,
  gateway: Schema.String.annotate({ description: "The provider, such as `sandbox`." }),
  name: Schema.String,
  createdAt: Wire.Instant,
  disconnectedAt: Schema.NullOr(Wire.Instant),
  notices: Schema.String.annotate({ description: "The path that the provider is to send its notices to." })
}).annotate({ identifier: "Connection" })
export interface Connection extends Schema.Schema.Type<typeof Connection> {}

export const procedures = {
  connect: mutation({
    rest: "POST /v1/gateways",
    summary: "Connect an account with a payment provider; its secret is tried, sealed, and answered never again",
    scope: "organization:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      gateway: Wire.line(1, 40).annotate({ description: "The provider: `sandbox`, which moves no money." }),
      name: Schema.optionalKey(Wire.line(1, 100)),
      secret: Schema.optionalKey(
        Wire.line(1, 500).annotate({ description: "Of the account. The sandbox makes one where none is given." })
      ),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: Connection,
    refuses: ["idempotency_conflict", "not_admissible", "upstream_error"]
  }),
  list: query({
    rest: "GET /v1/gateways",
    summary: "List the connections with payment providers, newest first",
    scope: "organization:read",
    input: Schema.Struct(Page.fields),
    output: Page.of(Connection),
    refuses: []
  }),
  disconnect: mutation({
    rest: "DELETE /v1/gateways/{connection}",
    summary: "Disconnect an account that no payment method is entered with; disconnected already, it stays so",
    scope: "organization:write",
    idempotency: "optional",
    input: Schema.Struct({ connection: Id.Id, idempotencyKey: Wire.idempotencyKey }),
    output: Connection,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
