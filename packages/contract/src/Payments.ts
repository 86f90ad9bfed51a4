/** Payments of orders, and what went back of them. */
import { Decline, Id, Money, Payment as Domain } from "@capstan/domain"
import { Schema } from "effect"
import * as Page from "./Page.ts"
import { query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const Reversal = Schema.Struct({
  id: Id.Id,
  payment: Id.Id,
  kind: Schema.Literals(["refund", "chargeback"]),
  status: Domain.Status,
  amount: Money.Money,
  policy: Schema.Literals(["block", "owe", "forgive"]).annotate({
    description: "What becomes of credits that were spent."
  }),
  credits: Wire.decimal("All that were taken back with the money."),
  taken: Wire.decimal("Of them, out of their lot."),
  owed: Wire.decimal("Of them, spent: the next grant pays them."),
  forgiven: Wire.Decimal,
  createdAt: Wire.Instant,
  settledAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "Reversal" })
export interface Reversal extends Schema.Schema.Type<typeof Reversal> {}

export const Payment = Schema.Struct({
  id: Id.Id,
  order: Id.Id,
  client: Id.Id,
  method: Id.Id,
  connection: Id.Id,
  status: Domain.Status.annotate({
    description:
      "`created`: nobody has asked the provider; `sent`: somebody may have; `unknown`: asked, and it is not known what came of it: that is found out, for as long as it takes."
  }),
  amount: Money.Money,
  refunded: Money.Money,
  reference: Schema.NullOr(Schema.String).annotate({ description: "The provider's name of it." }),
  actionUrl: Schema.NullOr(Schema.String).annotate({ description: "Where whoever pays has to confirm it." }),
  actionUntil: Schema.NullOr(Wire.Instant).annotate({
    description: "Until when they may: a payment that is not confirmed then is declined."
  }),
  declined: Schema.NullOr(Schema.Struct({ class: Decline.Class, code: Schema.String, message: Schema.String })),
  tries: Schema.Natural.annotate({ description: "How often the provider was asked." }),
  unknownAt: Schema.NullOr(Wire.Instant).annotate({ description: "Since when it was not known, the first time." }),
  reversals: Schema.Array(Reversal),
  createdAt: Wire.Instant,
  settledAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "Payment" })
export interface Payment extends Schema.Schema.Type<typeof Payment> {}

export const procedures = {
  list: query({
    rest: "GET /v1/payments",
    summary: "List payments, newest first",
    scope: "payments:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.ClientRef),
      order: Schema.optionalKey(Id.Id),
      status: Schema.optionalKey(Domain.Status),
      from: Schema.optionalKey(Wire.Instant),
      to: Schema.optionalKey(Wire.instant("Exclusive.")),
      ...Page.fields
    }),
    output: Page.of(Payment),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/payments/{payment}",
    summary: "Read a payment",
    scope: "payments:read",
    input: Schema.Struct({ payment: Id.Id }),
    output: Payment,
    refuses: ["resource_not_found"]
  })
}
