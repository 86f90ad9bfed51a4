/** How a client pays, and what bounds what it pays: in one document, changed by one merge patch. */
import { Credits, Currency, Id, Money, SpendingCap } from "@capstan/domain"
import { Schema } from "effect"
import { Ceiling } from "./Recharge.ts"
import * as Wire from "./Wire.ts"

const Cooldown = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: 2_592_000 }, { message: "must be from 0 to 2592000 seconds" })
)
const Thresholds = SpendingCap.State.fields.thresholds.annotate({
  description: "Percentages of the limit at which to tell, once a window each."
})

const AutoRecharge = Schema.Struct({
  enabled: Schema.Boolean,
  threshold: Wire.decimal("It buys more once fewer credits than this are left."),
  amount: Wire.decimal("How many credits it buys, or as many times that as it takes."),
  pack: Schema.String.annotate({ description: "The key of the credit pack that says what they cost." }),
  maxPerDay: Schema.NullOr(Money.Money).annotate({
    description: "The most it may charge in a day; null for no ceiling."
  }),
  maxPerMonth: Schema.NullOr(Money.Money),
  cooldownSeconds: Schema.Int,
  consent: Schema.NullOr(
    Schema.Struct({ by: Schema.String, at: Wire.Instant }).annotate({
      description: "Who agreed last that more is bought without being asked, and when."
    })
  ),
  state: Schema.Struct({
    phase: Schema.Literals(["off", "armed", "wanted", "in_flight", "cooling", "stopped"]).annotate({
      description:
        "`wanted`: about to buy, or waiting for what `reason` says; `stopped`: it buys no more until it is armed again."
    }),
    reason: Schema.NullOr(Schema.String).annotate({ description: "Why it waits, or has stopped." }),
    message: Schema.NullOr(Schema.String),
    stoppedAt: Schema.NullOr(Wire.Instant),
    dueAt: Schema.NullOr(Wire.Instant).annotate({ description: "When it is looked at next; null where that is open." })
  })
}).annotate({ identifier: "BillingAutoRecharge" })

const BillingCap = Schema.Struct({
  id: Id.Id,
  enabled: Schema.Boolean.annotate({
    description: "A cap that neither refuses nor tells is off. It goes on counting, so switching it is no reset."
  }),
  limit: Schema.Struct({ amount: Money.Minor, currency: Currency.Currency }),
  every: SpendingCap.Every,
  scope: SpendingCap.Scope,
  enforcement: SpendingCap.State.fields.enforcement,
  thresholds: Thresholds,
  resetAt: Wire.instant("When the present window began to count."),
  nextResetAt: Schema.NullOr(Wire.instant("When the next one begins; null for a lifetime.")),
  used: Wire.decimal("Minor units of the limit's currency, at most 6 decimals."),
  held: Wire.Decimal,
  headroom: Wire.Decimal
}).annotate({ identifier: "BillingSpendingCap", description: "The cap named `default`." })

const PaymentMethod = Schema.Struct({
  id: Id.Id,
  type: Schema.String,
  brand: Schema.NullOr(Schema.String),
  last4: Schema.NullOr(Schema.String),
  inactive: Schema.Boolean.annotate({
    description: "It was declined, and is used no more until it is charged with success or entered anew."
  }),
  failedAt: Schema.NullOr(Wire.Instant),
  failedMessage: Schema.NullOr(Schema.String)
}).annotate({ identifier: "BillingPaymentMethod", description: "The client's default one." })

export const Billing = Schema.Struct({
  autoRecharge: Schema.NullOr(AutoRecharge),
  spendingCap: Schema.NullOr(BillingCap),
  usesParentBalance: Schema.Boolean,
  overdraftLimit: Wire.decimal("How far it may spend beyond its credits."),
  lowBalance: Schema.NullOr(Wire.decimal("It is told of a balance below this; null for never.")),
  paymentMethod: Schema.NullOr(PaymentMethod),
  notifications: Schema.Struct({
    lowBalanceAt: Schema.NullOr(Wire.Instant),
    outOfBalanceAt: Schema.NullOr(Wire.Instant),
    spendingCapAt: Schema.NullOr(Wire.Instant)
  }).annotate({
    description: "When each was last told; null once it is so no more: credits have come, or another window has begun."
  }),
  promo: Schema.Struct({
    balance: Wire.decimal("What is left of credits that were given."),
    resetAt: Schema.NullOr(Wire.Instant).annotate({
      description: "When the plan's allowance was last set back to its amount."
    })
  })
}).annotate({ identifier: "Billing" })
export interface Billing extends Schema.Schema.Type<typeof Billing> {}

const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(schema)
const clearable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** A merge patch: what is absent stays, null clears. All of it happens, or nothing. */
export const patch = {
  autoRecharge: clearable(
    Schema.Struct({
      enabled: optional(Schema.Boolean),
      threshold: optional(Wire.described(Credits.Amount, "Needed once.")),
      amount: optional(Wire.described(Credits.Positive, "Needed once.")),
      pack: optional(
        Wire.PlanKey.annotate({
          description: "The key of a credit pack: the one before, or the organization's own default, unless said."
        })
      ),
      maxPerDay: clearable(Ceiling),
      maxPerMonth: clearable(Ceiling),
      cooldownSeconds: clearable(Cooldown),
      consent: optional(
        Schema.Boolean.annotate({
          description: "Has to be true where this switches the recharge on: kept with who said so, and when."
        })
      )
    }).annotate({ identifier: "AutoRechargePatch", description: "Null switches it off; its terms are kept." })
  ),
  spendingCap: clearable(
    Schema.Struct({
      enabled: optional(Schema.Boolean),
      limit: optional(
        Schema.Struct({ amount: SpendingCap.LimitAmount, currency: Currency.Currency }).annotate({
          description: "Needed once."
        })
      ),
      thresholds: optional(Thresholds),
      resetAt: optional(
        Wire.instant(
          "Where the count began, as answered: nothing happens. Another instant that has passed, that was not given last: the count begins anew, now."
        )
      )
    }).annotate({ identifier: "SpendingCapPatch" })
  ),
  usesParentBalance: optional(Schema.Boolean),
  overdraftLimit: clearable(Credits.Amount),
  lowBalance: clearable(Credits.Amount)
}
