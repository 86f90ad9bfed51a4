/** Auto-recharge: credits that are bought by themselves, before there are none. */
import { AutoRecharge, Credits, Currency, Decline, Id, Money, Rate } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { Payment } from "./Payments.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

/** Of what may be charged in some time. */
export const Ceiling = Schema.Struct({
  amount: Money.Positive,
  currency: Currency.Currency
}).annotate({ identifier: "RechargeCeiling" })

const Config = Schema.Struct({
  threshold: Wire.decimal("It buys more once fewer credits than this are left."),
  amount: Wire.decimal("How many credits it buys, or as many times that as it takes."),
  pack: Schema.Struct({ id: Id.Id, key: Wire.PlanKey, version: Schema.Int }).annotate({
    description: "The version of a credit pack that says what a credit costs."
  }),
  price: Wire.described(Rate.Rate, "Minor units a credit."),
  currency: Currency.Currency,
  maxPerDay: Schema.NullOr(Money.Money).annotate({
    description: "The most it may charge in a day of the client; null for no ceiling."
  }),
  maxPerMonth: Schema.NullOr(Money.Money),
  cooldownSeconds: Schema.Finite.annotate({ description: "How long it waits after it has bought." }),
  consent: Schema.NullOr(
    Schema.Struct({ by: Schema.String, at: Wire.Instant }).annotate({
      description: "Who agreed to be charged without being asked, and when."
    })
  )
}).annotate({ identifier: "RechargeConfig" })

export const Phase = Schema.Literals(["off", "armed", "wanted", "in_flight", "cooling", "stopped"]).annotate({
  identifier: "RechargePhase",
  description:
    "`wanted`: about to buy, or waiting as `waits` says; `cooling`: it has bought, and looks again at `dueAt`; `stopped`: it buys no more until it is armed again."
})

export const Recharge = Schema.Struct({
  client: Id.Id,
  enabled: Schema.Boolean,
  config: Schema.NullOr(Config).annotate({ description: "Null before it was ever set." }),
  phase: Phase,
  crossing: Schema.Natural.annotate({ description: "How often it was wanted: each time, it buys at most once." }),
  waits: Schema.NullOr(AutoRecharge.Waits).annotate({
    description: "Why what is wanted is not bought yet; it is looked at again at `dueAt`, or when that has changed."
  }),
  stopped: Schema.NullOr(
    Schema.Struct({
      reason: AutoRecharge.Stopped.fields.why,
      class: Schema.NullOr(Decline.Class),
      code: Schema.NullOr(Schema.String),
      message: Schema.NullOr(Schema.String),
      at: Wire.Instant,
      method: Schema.Literals(["ready", "missing", "inactive"]).annotate({
        description:
          "The client's default payment method, now. No method arms it again by itself: where it is `ready`, that is all that is left to do."
      })
    })
  ),
  inFlight: Schema.NullOr(
    Schema.Struct({
      crossing: Schema.Natural,
      credits: Wire.Decimal,
      amount: Money.Money,
      at: Wire.Instant,
      order: Id.Id,
      payment: Schema.Struct({
        id: Id.Id,
        status: Payment.fields.status,
        actionUrl: Payment.fields.actionUrl,
        actionUntil: Payment.fields.actionUntil,
        unknownAt: Payment.fields.unknownAt
      })
    })
  ),
  dueAt: Schema.NullOr(Wire.Instant),
  bought: Schema.Struct({
    today: Money.Money,
    thisMonth: Money.Money,
    dayEnds: Wire.Instant,
    monthEnds: Wire.Instant
  }).annotate({ description: "What counts towards the ceilings: all that did not fail." }),
  lowBalance: Schema.NullOr(Wire.decimal("The client is told of a balance below this; null for never.")),
  etag: Wire.etag
}).annotate({ identifier: "Recharge" })
export interface Recharge extends Schema.Schema.Type<typeof Recharge> {}

const Attempt = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  crossing: Schema.Natural,
  order: Id.Id,
  credits: Wire.Decimal,
  amount: Money.Money,
  status: Schema.Literals(["in_flight", "succeeded", "failed"]),
  failure: Schema.NullOr(
    Schema.Struct({
      class: Schema.String.annotate({ description: "Of the decline." }),
      code: Schema.String,
      message: Schema.String
    })
  ),
  at: Wire.Instant,
  settledAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "RechargeAttempt" })

export const procedures = {
  get: query({
    rest: "GET /v1/clients/{client}/recharge",
    summary: "How a client's auto-recharge is set, where it stands, and what it has bought",
    scope: "spending:read",
    input: Schema.Struct({ client: Wire.ClientRef }),
    output: Recharge,
    refuses: ["resource_not_found"]
  }),
  configure: mutation({
    rest: "PUT /v1/clients/{client}/recharge",
    summary: "Set a client's auto-recharge, or switch it on or off; what is left out stays as it was",
    scope: "spending:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      client: Wire.ClientRef,
      enabled: Schema.Boolean,
      threshold: Schema.optionalKey(Wire.described(Credits.Amount, "Needed once.")),
      amount: Schema.optionalKey(Wire.described(Credits.Positive, "Needed once.")),
      pack: Schema.optionalKey(
        Wire.PlanKey.annotate({
          description: "The key of a credit pack: the one before, or the organization's own, unless said."
        })
      ),
      maxPerDay: Schema.optionalKey(Schema.NullOr(Ceiling)),
      maxPerMonth: Schema.optionalKey(Schema.NullOr(Ceiling)),
      cooldownSeconds: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_592_000 }))),
      lowBalance: Schema.optionalKey(Schema.NullOr(Credits.Amount)),
      consent: Schema.Boolean.annotate({
        description: "Has to be true where this switches it on: kept with who said so, and when."
      }).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(false))),
      idempotencyKey: Wire.idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: Recharge,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  attempts: query({
    rest: "GET /v1/clients/{client}/recharge/attempts",
    summary: "List what a client's auto-recharge has bought, or tried to, newest first",
    scope: "spending:read",
    input: Schema.Struct({ client: Wire.ClientRef, ...Page.fields }),
    output: Page.of(Attempt),
    refuses: ["resource_not_found"]
  }),
  rearm: mutation({
    rest: "POST /v1/clients/{client}/recharge/rearm",
    summary: "Arm an auto-recharge again that has stopped",
    scope: "spending:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({ client: Wire.ClientRef, idempotencyKey: Wire.idempotencyKey, ifMatch: Wire.ifMatch }),
    output: Recharge,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  })
}
