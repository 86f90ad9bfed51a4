/** What is sold besides plans. A product keeps its key; what it costs and gives is a version, which never changes. */
import { Calendar, CreditPack, Credits, Currency, Id, Money, Rate } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const Type = Schema.Literal("credit_pack")
const Lasts = Schema.NullOr(Calendar.Interval).annotate({
  description: "How long its credits last from when they are granted; null for ever."
})

const Product = Schema.Struct({
  id: Id.Id.annotate({ description: "Of this version." }),
  type: Type,
  key: Wire.ProductKey,
  version: Schema.Int.annotate({ description: "Counted from 1 within the key." }),
  name: Schema.String,
  price: Money.Money,
  credits: Wire.Decimal,
  unitPrice: Wire.described(Rate.Rate, "Minor units a credit, exact."),
  lasts: Lasts,
  createdAt: Wire.Instant,
  archivedAt: Schema.NullOr(Wire.Instant).annotate({ description: "From then on it is not sold." })
}).annotate({ identifier: "Product" })

const product = { product: Wire.ProductRef }

export const procedures = {
  create: mutation({
    rest: "POST /v1/products",
    summary: "Put a credit pack up for sale: the first version of its key, or the next",
    scope: "products:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      type: Type.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("credit_pack" as const))),
      key: Wire.ProductKey,
      name: Wire.line(1, 200),
      price: Schema.Struct({
        amount: Money.between(1n, CreditPack.mostPrice, `must be from 1 to ${CreditPack.mostPrice} minor units`),
        currency: Currency.Currency
      }).annotate({ identifier: "PackPrice" }),
      credits: Credits.Positive,
      lasts: Lasts.pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(null))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: Product,
    refuses: ["idempotency_conflict"]
  }),
  list: query({
    rest: "GET /v1/products",
    summary: "List products, newest first: the latest version of each",
    scope: "products:read",
    input: Schema.Struct({
      key: Schema.optionalKey(Wire.described(Wire.ProductKey, "All versions of this one.")),
      status: Schema.optionalKey(
        Schema.Literals(["active", "archived"]).annotate({ description: "Whether it is on sale; either unless said." })
      ),
      ...Page.fields
    }),
    output: Page.of(Product),
    refuses: []
  }),
  get: query({
    rest: "GET /v1/products/{product}",
    summary: "Read a version of a product, or the latest of a key",
    scope: "products:read",
    input: Schema.Struct(product),
    output: Product,
    refuses: ["resource_not_found"]
  }),
  archive: mutation({
    rest: "POST /v1/products/{product}/archive",
    summary: "Take a product off sale, all its versions; what was ordered stays ordered",
    scope: "products:write",
    idempotency: "optional",
    input: Schema.Struct({ ...product, idempotencyKey: Wire.idempotencyKey }),
    output: Product,
    refuses: ["resource_not_found", "idempotency_conflict"]
  })
}
