/** Access tokens: who may call the api, for which clients, and for what. */
import { Id } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import { Scope } from "./Scope.ts"
import * as Wire from "./Wire.ts"

const Status = Schema.Literals(["active", "expired", "revoked"])

const token = {
  id: Id.Id,
  name: Schema.String,
  scopes: Schema.Array(Scope),
  client: Schema.NullOr(Id.Id).annotate({
    description: "The client whose subtree it is confined to; null for the whole organization."
  }),
  perSecond: Schema.Int.annotate({ description: "How many requests a second it may make." }),
  status: Status.annotate({ description: "Whether it is good now." }),
  createdBy: Schema.String,
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant,
  expiresAt: Schema.NullOr(Wire.Instant),
  revokedAt: Schema.NullOr(Wire.Instant),
  lastUsedAt: Schema.NullOr(Wire.Instant).annotate({
    description: "When it last came, by the organization's clock. A crash of the database may forget the last second."
  }),
  previousUntil: Schema.NullOr(Wire.Instant).annotate({
    description: "Until when the secret before the present one is good as well; null where there is none."
  }),
  etag: Wire.etag
}

export const AccessToken = Schema.Struct(token).annotate({ identifier: "AccessToken" })
export interface AccessToken extends Schema.Schema.Type<typeof AccessToken> {}

export const CreatedAccessToken = Schema.Struct({
  ...token,
  token: Schema.String.annotate({
    description: "The token itself. It is shown this once, and again only to a retry with the same key: keep it safe."
  })
}).annotate({ identifier: "CreatedAccessToken" })
export interface CreatedAccessToken extends Schema.Schema.Type<typeof CreatedAccessToken> {}

const Scopes = Schema.Array(Scope).check(Schema.isMinLength(1), Schema.isMaxLength(100))
const perSecond = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })))
const expiresAt = Schema.optionalKey(Schema.NullOr(Wire.Instant))

export const procedures = {
  create: mutation({
    rest: "POST /v1/access-tokens",
    summary: "Create an access token, in nothing stronger than the caller's own",
    scope: "accessTokens:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      name: Wire.line(1, 100),
      scopes: Scopes,
      client: Schema.optionalKey(
        Schema.NullOr(Wire.ClientRef).annotate({ description: "Confines the token to this client and all below it." })
      ),
      perSecond,
      expiresAt,
      idempotencyKey: Wire.idempotencyKey
    }),
    output: CreatedAccessToken,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  list: query({
    rest: "GET /v1/access-tokens",
    summary: "List access tokens, newest first unless said; sessions of people are not among them",
    scope: "accessTokens:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.described(Wire.ClientRef, "Those that are confined to this client.")),
      scope: Schema.optionalKey(Wire.described(Scope, "Those that may do this, also by a scope that implies it.")),
      status: Schema.optionalKey(Status),
      query: Schema.optionalKey(Wire.line(1, 100).annotate({ description: "Part of the name." })),
      sorting: Schema.optionalKey(
        Schema.Literals(["createdAt", "-createdAt", "lastUsedAt", "-lastUsedAt", "name", "-name"]).annotate({
          description: "`-createdAt` unless said. What has never been used comes before all that has."
        })
      ),
      ...Page.fields
    }),
    output: Page.of(AccessToken),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/access-tokens/{token}",
    summary: "Read an access token",
    scope: "accessTokens:read",
    input: Schema.Struct({ token: Id.Id }),
    output: AccessToken,
    refuses: ["resource_not_found"]
  }),
  update: mutation({
    rest: "PATCH /v1/access-tokens/{token}",
    summary: "Change a token: weaker as you like, stronger as far as the caller's own token is; it holds at once",
    scope: "accessTokens:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      token: Id.Id,
      name: Schema.optionalKey(Wire.line(1, 100)),
      scopes: Schema.optionalKey(Scopes),
      perSecond,
      expiresAt,
      idempotencyKey: Wire.idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: AccessToken,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  rotate: mutation({
    rest: "POST /v1/access-tokens/{token}/rotate",
    summary: "Give a token a new secret; the one before stays good for a while, and any before that ends at once",
    scope: "accessTokens:write",
    idempotency: "optional",
    input: Schema.Struct({
      token: Id.Id,
      overlapSeconds: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))
        .annotate({ description: "How long the secret before stays good: a day unless said; 0 ends it at once." })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(86_400))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: CreatedAccessToken,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  delete: mutation({
    rest: "DELETE /v1/access-tokens/{token}",
    summary: "Revoke an access token, at once; revoked already, it stays so",
    scope: "accessTokens:write",
    idempotency: "optional",
    input: Schema.Struct({ token: Id.Id, idempotencyKey: Wire.idempotencyKey }),
    output: AccessToken,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
