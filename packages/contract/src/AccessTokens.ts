/** Access tokens: who may call the api, for which clients, and for what. */
import { Id } from "@capstan/domain"
import { Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import { Scope } from "./Scope.ts"
import * as Wire from "./Wire.ts"

const token = {
  id: Id.Id,
  name: Schema.String,
  scopes: Schema.Array(Scope),
  client: Schema.NullOr(Id.Id).annotate({
    description: "The client whose subtree it is confined to; null for the whole organization."
  }),
  perSecond: Schema.Int.annotate({ description: "How many requests a second it may make." }),
  createdBy: Schema.String,
  createdAt: Wire.Instant,
  expiresAt: Schema.NullOr(Wire.Instant),
  revokedAt: Schema.NullOr(Wire.Instant)
}

export const AccessToken = Schema.Struct(token).annotate({ identifier: "AccessToken" })
export interface AccessToken extends Schema.Schema.Type<typeof AccessToken> {}

export const CreatedAccessToken = Schema.Struct({
  ...token,
  token: Schema.String.annotate({ description: "The token itself. It is shown this once: keep it safe." })
}).annotate({ identifier: "CreatedAccessToken" })
export interface CreatedAccessToken extends Schema.Schema.Type<typeof CreatedAccessToken> {}

export const procedures = {
  create: mutation({
    rest: "POST /v1/access-tokens",
    summary: "Create an access token, with no scope that the caller lacks",
    scope: "accessTokens:write",
    idempotency: "none",
    status: 201,
    input: Schema.Struct({
      name: Wire.line(1, 100),
      scopes: Schema.Array(Scope).check(Schema.isMinLength(1), Schema.isMaxLength(100)),
      client: Schema.optionalKey(
        Schema.NullOr(Wire.ClientRef).annotate({ description: "Confines the token to this client and all below it." })
      ),
      perSecond: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
      expiresAt: Schema.optionalKey(Schema.NullOr(Wire.Instant))
    }),
    output: CreatedAccessToken,
    refuses: ["resource_not_found", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/access-tokens",
    summary: "List access tokens, newest first",
    scope: "accessTokens:read",
    input: Schema.Struct(Page.fields),
    output: Page.of(AccessToken),
    refuses: []
  }),
  delete: mutation({
    rest: "DELETE /v1/access-tokens/{token}",
    summary: "Revoke an access token, at once; revoked already, it stays so",
    scope: "accessTokens:write",
    idempotency: "none",
    input: Schema.Struct({ token: Id.Id }),
    output: AccessToken,
    refuses: ["resource_not_found"]
  })
}
