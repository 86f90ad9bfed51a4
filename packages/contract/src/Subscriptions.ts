/** Subscriptions: what a client has of a plan, and when its two clocks strike. */
import { Calendar, Id, Subscription as Domain } from "@capstan/domain"
import { Schema } from "effect"
import { Limit } from "./Caps.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const Subscription = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  plan: Wire.PlanKey,
  planVersion: Id.Id.annotate({ description: "The version of the plan that it is pinned to." }),
  base: Schema.Boolean.annotate({ description: "The one base subscription of the client, rather than an add-on." }),
  status: Domain.Status,
  seats: Domain.Subscription.fields.seats,
  trialEndsAt: Schema.NullOr(Wire.Instant),
  currentPeriodStart: Schema.NullOr(Wire.Instant).annotate({
    description: "The money period; null until the clocks start."
  }),
  currentPeriodEnd: Schema.NullOr(Wire.Instant),
  nextCreditRenewalAt: Schema.NullOr(Wire.Instant).annotate({
    description: "When the plan's credits are next renewed; null while that clock stands, or never strikes."
  }),
  pendingChange: Schema.NullOr(Domain.Change).annotate({ description: "What waits for the end of the period." }),
  pastDueAt: Schema.NullOr(Wire.Instant),
  graceEndsAt: Schema.NullOr(Wire.Instant),
  resumesAt: Schema.NullOr(Wire.Instant),
  endedAt: Schema.NullOr(Wire.Instant),
  endCause: Schema.NullOr(Domain.EndCause),
  etag: Wire.etag,
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant
}).annotate({ identifier: "Subscription" })
export interface Subscription extends Schema.Schema.Type<typeof Subscription> {}

export const procedures = {
  create: mutation({
    rest: "POST /v1/subscriptions",
    summary: "Subscribe a client to a plan",
    scope: "subscriptions:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      client: Wire.ClientRef,
      plan: Wire.PlanKey,
      seats: Schema.optionalKey(Domain.Subscription.fields.seats),
      trial: Schema.optionalKey(
        Schema.NullOr(Calendar.Interval).annotate({ description: "In place of the plan's own; null for none." })
      ),
      cappedAmount: Schema.optionalKey(
        Limit.annotate({
          description:
            "The most that may be billed in a billing period, the price and overage: a hard cap named `capped_amount`, at least the price."
        })
      ),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: Subscription,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "not_admissible"]
  }),
  update: mutation({
    rest: "PATCH /v1/subscriptions/{subscription}",
    summary: "Change the seats of a subscription, at once; never to fewer than are taken",
    scope: "subscriptions:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      subscription: Id.Id,
      seats: Domain.Subscription.fields.seats,
      idempotencyKey: Wire.idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: Subscription,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  get: query({
    rest: "GET /v1/subscriptions/{subscription}",
    summary: "Read a subscription",
    scope: "subscriptions:read",
    input: Schema.Struct({ subscription: Id.Id }),
    output: Subscription,
    refuses: ["resource_not_found"]
  })
}
