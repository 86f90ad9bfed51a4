/** What clients pay with. It is entered at the provider's: card data never passes through us. */
import { CardNumber, Id } from "@capstan/domain"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

export const PaymentMethod = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  connection: Id.Id,
  type: Schema.String.annotate({ description: "Such as `card`." }),
  brand: Schema.NullOr(Schema.String),
  last4: Schema.NullOr(Schema.String),
  isDefault: Schema.Boolean.annotate({ description: "Whether it is the one that is charged." }),
  inactive: Schema.Boolean.annotate({
    description: "It has failed, and is not charged until it is entered anew, or another takes its place."
  }),
  failedAt: Schema.NullOr(Wire.Instant),
  failedCode: Schema.NullOr(Schema.String),
  failedMessage: Schema.NullOr(Schema.String),
  createdAt: Wire.Instant,
  removedAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "PaymentMethod" })
export interface PaymentMethod extends Schema.Schema.Type<typeof PaymentMethod> {}

const SetUp = Schema.Struct({
  connection: Id.Id,
  method: Schema.NullOr(PaymentMethod).annotate({ description: "Null while it is not entered yet." }),
  setUp: Schema.NullOr(
    Schema.Struct({
      reference: Schema.String.annotate({ description: "Send it here once the method is entered." }),
      clientSecret: Schema.String.annotate({ description: "For the provider's form, in the browser of whoever pays." }),
      url: Schema.NullOr(Schema.String).annotate({ description: "Where the provider has such a form itself." })
    })
  )
}).annotate({ identifier: "PaymentMethodSetUp" })

const Reference = Wire.line(1, 255)
  .check(
    Schema.makeFilter((text: string) => !CardNumber.isLike(text), {
      message:
        "must be the provider's name of the method, and looks like the number of a card: have that entered at the provider's"
    })
  )
  .annotate({ description: "The provider's name of the method, once it is entered there." })

const one = {
  client: Wire.ClientRef,
  method: Id.Id,
  idempotencyKey: Wire.idempotencyKey
}

export const procedures = {
  setup: mutation({
    rest: "POST /v1/clients/{client}/payment-methods",
    summary: "Begin to enter a payment method; or, with the provider's name of it, make it the client's",
    scope: "spending:write",
    idempotency: "optional",
    input: Schema.Struct({
      client: Wire.ClientRef,
      connection: Schema.optionalKey(Id.Id.annotate({ description: "The latest unless said." })),
      reference: Schema.optionalKey(Reference),
      default: Schema.Boolean.annotate({
        description: "Whether to charge it from now on. The first is, and one that takes the place of one that failed."
      }).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(false))),
      idempotencyKey: Wire.idempotencyKey
    }),
    output: SetUp,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible", "upstream_error"]
  }),
  list: query({
    rest: "GET /v1/clients/{client}/payment-methods",
    summary: "List a client's own payment methods, newest first",
    scope: "spending:read",
    input: Schema.Struct({ client: Wire.ClientRef, ...Page.fields }),
    output: Page.of(PaymentMethod),
    refuses: ["resource_not_found"]
  }),
  setDefault: mutation({
    rest: "POST /v1/clients/{client}/payment-methods/{method}/set-default",
    summary: "Charge this payment method from now on",
    scope: "spending:write",
    idempotency: "optional",
    input: Schema.Struct(one),
    output: PaymentMethod,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  remove: mutation({
    rest: "DELETE /v1/clients/{client}/payment-methods/{method}",
    summary: "Remove a payment method, here and at the provider's; removed already, it stays so",
    scope: "spending:write",
    idempotency: "optional",
    input: Schema.Struct(one),
    output: PaymentMethod,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
