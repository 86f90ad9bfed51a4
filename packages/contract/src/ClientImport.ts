/** Clients that are brought over from elsewhere, with what they have. */
import { Calendar, Credits, Currency, Id, Subscription as Domain } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Problem from "./Problem.ts"
import { Subscription } from "./Subscriptions.ts"
import * as Wire from "./Wire.ts"

const off = (description: string) =>
  Schema.Boolean.annotate({ description }).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(false)))

const subscription = Schema.Struct({
  plan: Wire.PlanKey,
  seats: Schema.optionalKey(Domain.Subscription.fields.seats),
  anchor: Wire.instant("From where its periods are counted: the first one's start."),
  paidUntil: Schema.optionalKey(
    Wire.instant("Where the running period ends, and is charged next. That of the anchor unless said.")
  ),
  trialEndsAt: Schema.optionalKey(Wire.instant("It is on trial up to then, and is charged then."))
}).annotate({
  identifier: "ImportedSubscription",
  description: "Its running period is neither charged nor granted for: `lots` say what is left."
})

const lot = Schema.Struct({
  kind: Schema.Literals(["promo", "included", "extra"]),
  amount: Credits.Positive,
  expiresAt: Schema.optionalKey(Schema.NullOr(Wire.Instant)),
  unitCost: Schema.optionalKey(Wire.Price),
  source: Wire.line(1, 100).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("import")))
}).annotate({ identifier: "ImportedLot" })

const method = Schema.Struct({
  connection: Schema.optionalKey(Id.Id.annotate({ description: "The latest unless said." })),
  reference: Wire.line(1, 255).annotate({
    description: "The provider's name of the method; never the number of a card."
  }),
  isDefault: off("The first is the default unless another is.")
}).annotate({ identifier: "ImportedPaymentMethod" })

export const input = <F extends Schema.Struct.Fields>(profile: F) =>
  Schema.Struct({
    dryRun: off("Says what would be, and does nothing."),
    items: Schema.Array(
      Schema.Struct({
        externalId: Schema.optionalKey(Wire.ExternalId),
        parent: Schema.optionalKey(
          Wire.ClientRef.annotate({ description: "May be one that stands earlier in the same import, by `ext:`." })
        ),
        name: Wire.line(1, 200),
        ...profile,
        currency: Schema.optionalKey(Currency.Currency),
        timeZone: Schema.optionalKey(Calendar.Zone),
        metadata: Schema.optionalKey(Wire.Metadata),
        usesParentBalance: off("It draws on its parent's wallet."),
        overdraftLimit: Schema.optionalKey(Credits.Amount),
        onboarded: off("It may spend at once."),
        suspended: off("By the operator."),
        subscription: Schema.optionalKey(subscription),
        lots: Schema.optionalKey(Schema.Array(lot).check(Schema.isMaxLength(64))),
        paymentMethods: Schema.optionalKey(Schema.Array(method).check(Schema.isMaxLength(10)))
      }).annotate({ identifier: "ImportedClient" })
    ).check(Schema.isMinLength(1), Schema.isMaxLength(100)),
    idempotencyKey: Wire.idempotencyKey
  })

export const output = <S extends Schema.Top>(client: S) =>
  Schema.Struct({
    dryRun: Schema.Boolean,
    results: Schema.Array(
      Schema.Union([
        Schema.Struct({
          outcome: Schema.Literal("ok"),
          client,
          subscription: Schema.NullOr(Subscription)
        }),
        Schema.Struct({ outcome: Schema.Literal("refused"), problem: Problem.Problem })
      ]).annotate({ identifier: "ImportOutcome" })
    ).annotate({ description: "One for each item, in their order." })
  })
