/** Spending caps: the most that a client and all that draw on its line may spend in a window. */
import { Currency, Id, SpendingCap } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const Limit = Schema.Struct({
  amount: SpendingCap.LimitAmount,
  currency: Currency.Currency
}).annotate({ identifier: "Limit" })

const Enforcement = SpendingCap.State.fields.enforcement.annotate({
  description: "`hard` refuses what would pass the limit, `alert` only tells."
})
const Thresholds = SpendingCap.State.fields.thresholds.annotate({
  description: "Percentages of the limit at which to tell, once a window each."
})
const Scope = SpendingCap.Scope.annotate({
  description:
    "`extra` counts what costs extra (bought credits, overage, overdraft), `all` every credit, `billed` overage alone."
})

const standing = {
  id: Id.Id,
  client: Id.Id.annotate({ description: "Whose cap it is: the client's, or that of an ancestor." }),
  name: Schema.String,
  limit: Limit,
  every: SpendingCap.Every,
  scope: Scope,
  committed: Wire.decimal("What the fixed charges of a window take of the limit, in minor units."),
  member: Schema.NullOr(Schema.String).annotate({ description: "Only what this member spends counts; null for all." }),
  meter: Schema.NullOr(Schema.String).annotate({
    description: "Only what is spent on this meter counts; null for all."
  }),
  enforcement: Enforcement,
  thresholds: Thresholds,
  window: Schema.Struct({
    start: Wire.Instant,
    resetsAt: Schema.NullOr(Wire.Instant).annotate({
      description: "When the next window opens; null for a lifetime."
    }),
    used: Wire.decimal("Minor units of the limit's currency, at most 6 decimals."),
    held: Wire.Decimal,
    headroom: Wire.decimal("What is left of the limit.")
  })
}

/** A cap where it is one of all that bind a client. */
export const Standing = Schema.Struct(standing).annotate({ identifier: "CapStanding" })

/** A cap under which a debit was checked. */
export const Room = Schema.Struct({
  ...standing,
  available: Schema.NullOr(Wire.decimal("The credits that this cap alone would let through; null where it only tells."))
}).annotate({ identifier: "CapRoom" })

export const Cap = Schema.Struct({ ...standing, etag: Wire.etag }).annotate({ identifier: "Cap" })
export interface Cap extends Schema.Schema.Type<typeof Cap> {}

const named = Schema.Struct({
  client: Wire.ClientRef,
  name: Wire.line(1, 100),
  idempotencyKey: Wire.idempotencyKey,
  ifMatch: Wire.ifMatch
})

export const procedures = {
  list: query({
    rest: "GET /v1/clients/{client}/caps",
    summary: "List a client's own caps, with their present windows",
    scope: "spending:read",
    input: Schema.Struct({ client: Wire.ClientRef, ...Page.fields }),
    output: Page.of(Cap),
    refuses: ["resource_not_found"]
  }),
  set: mutation({
    rest: "PUT /v1/clients/{client}/caps",
    summary: "Set a cap, or change the one of that name; what is used stays counted",
    scope: "spending:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      client: Wire.ClientRef,
      name: Wire.line(1, 100).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("default"))),
      limit: Limit,
      every: SpendingCap.Every.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("month" as const))),
      scope: Scope.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("extra" as const))),
      member: Schema.optionalKey(Schema.NullOr(Wire.Member)),
      meter: Schema.optionalKey(Schema.NullOr(Wire.Meter)),
      enforcement: Enforcement.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("hard" as const))),
      thresholds: Thresholds.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed([50, 80, 100]))),
      idempotencyKey: Wire.idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: Cap,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  remove: mutation({
    rest: "DELETE /v1/clients/{client}/caps/{name}",
    summary: "Remove a cap; one of its name that is set later starts anew",
    scope: "spending:write",
    idempotency: "optional",
    ifMatch: true,
    input: named,
    output: Cap,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  resetWindow: mutation({
    rest: "POST /v1/clients/{client}/caps/{name}/reset-window",
    summary: "Start a cap's window anew before its time; it ends when it would have",
    scope: "spending:write",
    idempotency: "optional",
    ifMatch: true,
    input: named,
    output: Cap,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  })
}
