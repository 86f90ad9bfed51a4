/** What a reactivation would come to, before anybody confirms it. */
import { ClientLifecycle, Id, Money, Subscription } from "@capstan/domain"
import { Schema } from "effect"
import * as Wire from "./Wire.ts"

export const SuspendedBy = Schema.Struct({
  client: Id.Id.annotate({ description: "The client itself, or an ancestor." }),
  causes: Schema.Array(ClientLifecycle.Cause)
}).annotate({ identifier: "SuspendedBy" })

export const Name = Wire.line(1, 100).annotate({
  description: "The name of a preview: what it said is done and charged, or it is refused as stale."
})

const Charge = Schema.Struct({
  payer: Id.Id,
  amount: Money.Money,
  lines: Schema.Array(Schema.Struct({ description: Schema.String, amount: Money.Money })),
  paymentMethod: Schema.NullOr(
    Schema.Struct({
      id: Id.Id,
      type: Schema.String,
      brand: Schema.NullOr(Schema.String),
      last4: Schema.NullOr(Schema.String),
      inactive: Schema.Boolean
    })
  ).annotate({ description: "The default of whoever pays; null where there is none, which is refused." })
}).annotate({ identifier: "ReactivationCharge" })

const OfSubscription = Schema.Struct({
  id: Id.Id,
  outcome: Schema.Literals(["resumes", "past_due", "canceled", "unserved"]).annotate({
    description: "`unserved`: something else holds it up, such as another suspension or its own pause."
  }),
  status: Subscription.Status,
  plan: Wire.PlanKey,
  currentPeriodStart: Schema.NullOr(Wire.Instant),
  currentPeriodEnd: Schema.NullOr(Wire.Instant),
  grant: Schema.NullOr(Schema.Struct({ credits: Wire.Decimal, from: Wire.Instant })).annotate({
    description: "The included credits that are granted, in place of what is left of the last."
  }),
  nextCreditRenewalAt: Schema.NullOr(Wire.Instant),
  skipped: Schema.Struct({ periods: Schema.Int, grants: Schema.Int }).annotate({
    description: "What lies between and was not served: neither charged nor granted any more."
  })
}).annotate({ identifier: "ReactivatedSubscription" })

export const Preview = Schema.Struct({
  preview: Name,
  expiresAt: Wire.Instant,
  status: ClientLifecycle.Status,
  effectiveStatus: ClientLifecycle.Status,
  suspendedBy: Schema.Array(SuspendedBy).annotate({ description: "The suspensions that stay." }),
  clientsServed: Schema.Int.annotate({ description: "How many clients are served again, itself and those below it." }),
  subscription: Schema.NullOr(OfSubscription).annotate({ description: "Its base subscription." }),
  charge: Schema.NullOr(Charge).annotate({ description: "What is charged before it is served; null for nothing." })
}).annotate({ identifier: "ReactivationPreview" })
