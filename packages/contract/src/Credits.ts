/** Credits: what a client holds, spends and sets aside, and the ledger of it. */
import { CreditPack, Credits, Currency, Id, Money, Tree, Wallet } from "@capstan/domain"
import { Effect, Schema } from "effect"
import { Room, Standing } from "./Caps.ts"
import * as Page from "./Page.ts"
import * as Problem from "./Problem.ts"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

/** What an entry of the ledger is called, by the event of the wallet that it is. */
export const kinds = {
  Debited: "debit",
  Reserved: "hold",
  Captured: "capture",
  Released: "release",
  Granted: "grant",
  Expired: "expiry",
  Renewed: "renewal",
  Reversed: "reversal",
  Owed: "debt",
  Revoked: "revocation",
  OverageClosed: "overage_closed"
} as const satisfies { readonly [Tag in Wallet.Event["_tag"]]: string }

export const EntryKind = Schema.Literals(Object.values(kinds)).annotate({ identifier: "EntryKind" })
export type EntryKind = typeof EntryKind.Type

const Count = Schema.Struct({
  ...Tree.Count.fields,
  start: Wire.Instant,
  end: Schema.NullOr(Wire.Instant),
  used: Wire.Decimal,
  held: Wire.Decimal
}).annotate({ identifier: "Count" })

export const Entry = Schema.Struct({
  id: Wire.EntryId,
  client: Id.Id.annotate({ description: "Who spent or received." }),
  payer: Id.Id.annotate({ description: "Whose wallet it is." }),
  kind: EntryKind,
  asked: Schema.NullOr(Wire.Decimal).annotate({ description: "More than `amount` where a part was taken." }),
  amount: Wire.decimal("How many credits it is about; which way they went, `kind` says."),
  balance: Wire.decimal("Of the wallet, after it."),
  hold: Schema.NullOr(Id.Id),
  member: Schema.NullOr(Schema.String).annotate({ description: "Who spent, where that was said." }),
  meter: Schema.NullOr(Schema.String).annotate({ description: "On which meter, where that was said." }),
  at: Wire.instant("When it was decided."),
  effectiveAt: Schema.NullOr(Wire.Instant).annotate({
    description: "When the use took place, where the caller said."
  }),
  detail: Wallet.Event.annotate({
    identifier: "EntryDetail",
    description: "Lot by lot, what it changed in the wallet. Costs are minor units of the client's currency."
  }),
  counts: Schema.Array(Count).annotate({ description: "By how much it changed the windows of spending caps." })
}).annotate({ identifier: "Entry" })
export interface Entry extends Schema.Schema.Type<typeof Entry> {}

const receipt = {
  entry: Entry,
  replayed: Schema.Boolean.annotate({ description: "The answer of an earlier request with the same key." })
}
export const Receipt = Schema.Struct(receipt).annotate({ identifier: "Receipt" })
export interface Receipt extends Schema.Schema.Type<typeof Receipt> {}

export const Purchase = Schema.Struct({
  order: Id.Id,
  payment: Id.Id,
  payer: Id.Id.annotate({ description: "Who paid, and whose wallet has the credits." }),
  total: Money.Money,
  credits: Wire.Decimal,
  entry: Entry,
  paidAt: Wire.Instant
}).annotate({ identifier: "Purchase" })
export interface Purchase extends Schema.Schema.Type<typeof Purchase> {}

export const OpenHold = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  payer: Id.Id,
  amount: Wire.Decimal,
  expiresAt: Wire.instant("When it releases itself, unless it is captured before.")
}).annotate({ identifier: "OpenHold" })
export const HoldReceipt = Schema.Struct({ hold: OpenHold, ...receipt }).annotate({ identifier: "HoldReceipt" })
export interface HoldReceipt extends Schema.Schema.Type<typeof HoldReceipt> {}

const Lot = Schema.Struct({
  ...Wallet.Lot.fields,
  left: Wire.Decimal,
  held: Wire.decimal("What holds pin."),
  effectiveAt: Wire.Instant,
  expiresAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "Lot" })

export const Balance = Schema.Struct({
  client: Id.Id,
  payer: Id.Id.annotate({ description: "Whose wallet this is: the client's, or that of an ancestor." }),
  at: Wire.Instant,
  currency: Currency.Currency,
  balance: Wire.decimal("What the lots hold, less what is owed. Held credits are not in it."),
  available: Wire.decimal("What could be spent now, on anything, within all caps."),
  held: Wire.decimal("What holds pin."),
  unlimited: Schema.Boolean.annotate({ description: "Debits are recorded and capped, lots stay untouched." }),
  lots: Schema.Array(Lot).annotate({ description: "In the order in which they are spent." }),
  sleepingLots: Schema.Array(Lot).annotate({
    description: "The client's own lots while it draws on an ancestor's wallet."
  }),
  nextExpiry: Schema.NullOr(Schema.Struct({ at: Wire.Instant, amount: Wire.Decimal })).annotate({
    description: "The credits that expire next."
  }),
  overage: Schema.Struct({
    used: Wire.Decimal,
    held: Wire.Decimal,
    cost: Wire.decimal("Of what is used, so far: minor units of the client's currency.")
  }).annotate({
    description: "Spent beyond the lots, to be invoiced at the period's end."
  }),
  overdraft: Schema.Struct({ used: Wire.Decimal, held: Wire.Decimal, limit: Wire.Decimal }).annotate({
    description: "Spent beyond the lots, to be paid by the next grant."
  }),
  debt: Wire.decimal("Owed after chargebacks; the next grant pays it first."),
  caps: Schema.Array(Standing).annotate({
    description: "All that bind it: the client's own, and those of its ancestors."
  })
}).annotate({ identifier: "Balance" })
export interface Balance extends Schema.Schema.Type<typeof Balance> {}

export const Check = Schema.Struct({
  allowed: Schema.Boolean,
  refusal: Schema.NullOr(Problem.Problem).annotate({ description: "What a debit would be refused with." }),
  available: Wire.decimal("What could be spent now, within all caps."),
  caps: Schema.Array(Room).annotate({ description: "Those that count such a debit, with the room under each." }),
  binding: Schema.NullOr(Id.Id).annotate({
    description: "The cap that refuses it, or would refuse one credit more than is available; null where none would."
  }),
  freesAt: Schema.NullOr(Wire.Instant).annotate({
    description: "When that cap's window ends; null where none binds, or for a lifetime."
  })
}).annotate({ identifier: "Check" })
export interface Check extends Schema.Schema.Type<typeof Check> {}

const outcome = Schema.Union([
  Schema.Struct({ outcome: Schema.Literal("ok"), ...receipt }),
  Schema.Struct({ outcome: Schema.Literal("refused"), problem: Problem.Problem })
]).annotate({ identifier: "ItemOutcome" })
export type ItemOutcome = typeof outcome.Type

const client = { client: Wire.ClientRef }
export const feature = Schema.optionalKey(Wire.Feature)
export const spender = { member: Schema.optionalKey(Wire.Member), meter: Schema.optionalKey(Wire.Meter) }
export const allowPartial = Schema.Boolean.annotate({ description: "Take what there is rather than refuse." }).pipe(
  Schema.withDecodingDefaultTypeKey(Effect.succeed(false))
)
const debit = {
  ...client,
  amount: Credits.Amount,
  feature,
  ...spender,
  allowPartial,
  effectiveAt: Schema.optionalKey(Wire.instant("When the use took place; it is counted when it is decided."))
}
const { idempotencyKey } = Wire

export const Debit = Schema.Struct({ ...debit, idempotencyKey })
export interface Debit extends Schema.Schema.Type<typeof Debit> {}

const spending = [
  "insufficient_credits",
  "spending_cap_reached",
  "resource_not_found",
  "idempotency_conflict",
  "not_admissible"
] as const
const settling = ["resource_not_found", "idempotency_conflict", "not_admissible"] as const

export const procedures = {
  balance: query({
    rest: "GET /v1/clients/{client}/credits",
    summary: "Read what a client can spend: lots, holds, what is owed, room under each cap",
    scope: "credits:read",
    input: Schema.Struct(client),
    output: Balance,
    refuses: ["resource_not_found"]
  }),
  check: query({
    rest: "POST /v1/clients/{client}/credits/check",
    summary: "Ask whether a debit would succeed; nothing is written",
    scope: "credits:read",
    input: Schema.Struct({ ...client, amount: Credits.Amount, feature, ...spender }),
    output: Check,
    refuses: ["resource_not_found"]
  }),
  consume: mutation({
    rest: "POST /v1/clients/{client}/credits/consume",
    summary: "Spend credits, all of them or none",
    scope: "credits:write",
    idempotency: "required",
    input: Debit,
    output: Receipt,
    refuses: spending
  }),
  consumeMany: mutation({
    rest: "POST /v1/credits/consume-many",
    summary: "Spend credits of many clients: each item is decided for itself, in order for each client",
    scope: "credits:write",
    idempotency: "none",
    input: Schema.Struct({
      items: Schema.Array(Schema.Struct({ ...debit, idempotencyKey: Wire.IdempotencyKey })).check(
        Schema.isMinLength(1),
        Schema.isMaxLength(1000)
      )
    }),
    output: Schema.Struct({
      results: Schema.Array(outcome).annotate({ description: "One for each item, in their order." })
    }),
    refuses: []
  }),
  reserve: mutation({
    rest: "POST /v1/clients/{client}/credits/holds",
    summary: "Set credits aside, to be captured or released; they come back by themselves",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      ...client,
      amount: Credits.Positive,
      expiresIn: Schema.Int.check(
        Schema.isBetween({ minimum: 1, maximum: 2_592_000 }, { message: "must be from 1 second to 30 days" })
      ).annotate({ description: "Seconds." }),
      feature,
      ...spender,
      allowPartial,
      idempotencyKey
    }),
    output: HoldReceipt,
    refuses: spending
  }),
  capture: mutation({
    rest: "POST /v1/holds/{hold}/capture",
    summary: "Spend what was set aside, or a part of it, or more",
    scope: "credits:write",
    idempotency: "required",
    input: Schema.Struct({
      hold: Id.Id,
      amount: Schema.optionalKey(
        Wire.described(Credits.Amount, "All that is held unless said. The rest goes back; more is a debit now.")
      ),
      feature,
      ...spender,
      allowPartial,
      idempotencyKey
    }),
    output: Receipt,
    refuses: spending
  }),
  release: mutation({
    rest: "POST /v1/holds/{hold}/release",
    summary: "Give back what was set aside",
    scope: "credits:write",
    idempotency: "required",
    input: Schema.Struct({ hold: Id.Id, idempotencyKey }),
    output: Receipt,
    refuses: settling
  }),
  grant: mutation({
    rest: "POST /v1/clients/{client}/credits/grants",
    summary: "Give credits",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      ...client,
      kind: Schema.Literals(["promo", "extra"]).annotate({ description: "`promo` is given, `extra` is bought." }),
      amount: Credits.Positive,
      expiresAt: Schema.optionalKey(
        Schema.NullOr(Wire.Instant).annotate({
          description: "From then on they cannot be spent; never unless said."
        })
      ),
      effectiveAt: Schema.optionalKey(Wire.instant("From when on they may be spent; at once unless said.")),
      priority: Wallet.Lot.fields.priority
        .annotate({ description: "Lower is spent first." })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(0))),
      unitCost: Schema.optionalKey(
        Wire.Price.annotate({
          description:
            "What was paid for a credit: what caps count when it is spent. What the plan says a credit is worth unless said."
        })
      ),
      source: Wire.line(1, 100)
        .annotate({ description: "A note on where they come from." })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("grant"))),
      features: Schema.optionalKey(
        Schema.NullOr(Schema.Array(Wire.Feature).check(Schema.isMinLength(1), Schema.isMaxLength(50))).annotate({
          description: "What they may be spent on; anything unless said."
        })
      ),
      idempotencyKey
    }),
    output: Receipt,
    refuses: settling
  }),
  revokeGrant: mutation({
    rest: "POST /v1/entries/{entry}/revoke",
    summary: "Take back credits that were granted, whole or in part",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      entry: Wire.EntryId,
      amount: Schema.optionalKey(Wire.described(Credits.Positive, "All that is left of the grant unless said.")),
      spent: Schema.Literals(["forgive", "owe"])
        .annotate({ description: "What becomes of those that are spent: nothing, or the next grant pays them." })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("forgive" as const))),
      reason: Schema.optionalKey(Wire.line(1, 500)),
      idempotencyKey
    }),
    output: Receipt,
    refuses: settling
  }),
  adjust: mutation({
    rest: "POST /v1/clients/{client}/credits/adjustments",
    summary: "Set a balance right by hand: up, as promo credits; down, out of the lots in the order they are spent",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      ...client,
      amount: Credits.Change,
      reason: Wire.line(1, 500).annotate({ description: "Why, for the event log." }),
      idempotencyKey
    }),
    output: Receipt,
    refuses: ["insufficient_credits", ...settling]
  }),
  purchase: mutation({
    rest: "POST /v1/clients/{client}/credits/purchases",
    summary:
      "Buy credits: charge, then grant. For a client on its parent's balance the parent pays, and has the credits",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      ...client,
      product: Wire.described(Wire.ProductKey, "The key of a credit pack."),
      quantity: Schema.Int.check(
        Schema.isBetween({ minimum: 1, maximum: CreditPack.mostPacks }, { message: "must be from 1 to 1000" })
      ).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(1))),
      paymentMethod: Schema.optionalKey(Id.Id.annotate({ description: "The default of who pays unless said." })),
      idempotencyKey
    }),
    output: Purchase,
    refuses: [
      "resource_not_found",
      "idempotency_conflict",
      "not_admissible",
      "payment_failed",
      "payment_action_required"
    ]
  }),
  reverse: mutation({
    rest: "POST /v1/entries/{entry}/reverse",
    summary: "Give back a debit, whole or in part, to the lots it came from",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({
      entry: Wire.EntryId,
      amount: Schema.optionalKey(Wire.described(Credits.Positive, "All that is left of it unless said.")),
      idempotencyKey
    }),
    output: Receipt,
    refuses: settling
  }),
  ledger: query({
    rest: "GET /v1/clients/{client}/credits/ledger",
    summary: "List the entries of the ledger, newest first",
    scope: "credits:read",
    input: Schema.Struct({
      ...client,
      of: Schema.Literals(["client", "wallet"])
        .annotate({
          description:
            "`client`: what it spent and received. `wallet`: all entries of its own wallet, whoever spent from it."
        })
        .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed("client" as const))),
      kind: Schema.optionalKey(EntryKind),
      from: Schema.optionalKey(Wire.Instant),
      to: Schema.optionalKey(Wire.instant("Exclusive.")),
      hold: Schema.optionalKey(Id.Id),
      asOf: Schema.optionalKey(Wire.instant("The ledger as it was then.")),
      ...Page.fields
    }),
    output: Page.of(Entry),
    refuses: ["resource_not_found"]
  })
}
