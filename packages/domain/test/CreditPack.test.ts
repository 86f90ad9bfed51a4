import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Calendar, CreditPack, Rate } from "../src/index.ts"

const drafts = Arbitrary.schema(
  Schema.Struct({
    price: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: CreditPack.mostPrice })),
    credits: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 10n ** 15n }))
  })
)

describe("CreditPack", () => {
  it.prop("the credits of a pack, at its unit price, cost its price exactly", [drafts], ([draft]) => {
    const pack = { ...draft, price: draft.price as CreditPack.Draft["price"] }
    assert.strictEqual(Rate.costOf(CreditPack.unitPrice(pack), pack.credits), pack.price * 1_000_000n)
  })

  it("what lasts a month lasts a month of its client's calendar", () => {
    const zone = Calendar.Zone.make("Europe/Zurich")
    const lasts = { unit: "month", count: 1 } as const
    // The clocks go forward in between.
    assert.strictEqual(CreditPack.expiresAt({ lasts }, zone, Date.UTC(2026, 2, 1, 9)), Date.UTC(2026, 3, 1, 8))
    assert.strictEqual(CreditPack.expiresAt({ lasts: null }, zone, 0), null)
  })
})
