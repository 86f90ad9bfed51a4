/** Orders: what is owed for something, line by line, and what became of it. */
import { Currency, Id, Money, Order as Domain, Rate } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { Payment, Reversal } from "./Payments.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const Line = Schema.Struct({
  description: Schema.String,
  product: Schema.NullOr(Schema.Struct({ id: Id.Id, key: Wire.ProductKey, version: Schema.Int })).annotate({
    description:
      "The version of the product that it sells; null where it invoices what was used, or a period of a plan."
  }),
  credits: Schema.NullOr(Wire.Decimal).annotate({ description: "That it grants, or invoices." }),
  unitPrice: Wire.described(Rate.Rate, "Minor units a credit, exact; of a plan, a period."),
  amount: Money.Money
}).annotate({ identifier: "OrderLine" })

export const Order = Schema.Struct({
  id: Id.Id,
  client: Id.Id.annotate({ description: "Who pays, and is granted its credits." }),
  reason: Domain.Reason,
  reference: Schema.String.annotate({ description: "What it is for: with the reason, there is one order of it." }),
  status: Domain.Status,
  lines: Schema.Array(Line),
  total: Money.Money.annotate({ description: "The sum of the lines." }),
  refunded: Money.Money.annotate({ description: "All that went back of it." }),
  payments: Schema.Array(Schema.Struct({ id: Id.Id, status: Payment.fields.status, createdAt: Wire.Instant })).annotate(
    { description: "Oldest first: at most one that was not declined." }
  ),
  createdAt: Wire.Instant,
  paidAt: Schema.NullOr(Wire.Instant),
  updatedAt: Wire.Instant
}).annotate({ identifier: "Order" })
export interface Order extends Schema.Schema.Type<typeof Order> {}

export const procedures = {
  list: query({
    rest: "GET /v1/orders",
    summary: "List orders, newest first",
    scope: "orders:read",
    input: Schema.Struct({
      client: Schema.optionalKey(Wire.ClientRef),
      reason: Schema.optionalKey(Domain.Reason),
      status: Schema.optionalKey(Domain.Status),
      from: Schema.optionalKey(Wire.Instant),
      to: Schema.optionalKey(Wire.instant("Exclusive.")),
      ...Page.fields
    }),
    output: Page.of(Order),
    refuses: ["resource_not_found"]
  }),
  get: query({
    rest: "GET /v1/orders/{order}",
    summary: "Read an order",
    scope: "orders:read",
    input: Schema.Struct({ order: Id.Id }),
    output: Order,
    refuses: ["resource_not_found"]
  }),
  refund: mutation({
    rest: "POST /v1/orders/{order}/refund",
    summary: "Give the money of an order back, whole or in part, and take the credits that it bought back with it",
    scope: "orders:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      order: Id.Id,
      amount: Schema.optionalKey(
        Schema.Struct({
          amount: Money.Positive,
          currency: Currency.Currency
        }).annotate({ description: "In the order's currency; all that is left of it unless said." })
      ),
      spent: Schema.Literals(["owe", "forgive"])
        .annotate({
          description: "What becomes of credits that are spent by now: owed, and paid by the next grant, or not."
        })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("owe" as const))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: Reversal,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible", "payment_failed"]
  })
}
