import { Rate, Tree, Wallet } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { detailText, toEvent } from "../../src/trees/Entry.ts"
import * as Rows from "../../src/trees/Rows.ts"

/** Fractions in lowest terms, as every rate is that was ever parsed or computed. */
const lowest = <A>(value: A): A => {
  if (Array.isArray(value)) return value.map(lowest) as A
  if (typeof value !== "object" || value === null) return value
  if ("numerator" in value && "denominator" in value)
    return Rate.of(value.numerator as bigint, value.denominator as bigint) as A
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, lowest(inner)])) as A
}

describe("a row is what was written to it", () => {
  it.prop("an event of a wallet", [Wallet.Event], ([arbitrary]) => {
    const event = lowest(arbitrary)
    const hold = "hold" in event ? event.hold : null
    assert.deepStrictEqual(toEvent(event._tag, event.amount, hold, JSON.parse(detailText(event))), event)
  })

  it.prop("a wallet", [Wallet.State], ([arbitrary]) => {
    const wallet = lowest(arbitrary)
    const lots = JSON.parse(Rows.lotsText(wallet.lots))
    const beyond = JSON.parse(Rows.beyondText(wallet) ?? "null")
    assert.deepStrictEqual(Rows.toWallet({ seq: `${wallet.seq}`, lots, remainders: null, beyond }), wallet)
    const spent = lots.map((lot: ReadonlyArray<unknown>) => lot.with(2, "7").with(3, "8"))
    const remainders = JSON.parse(Rows.remaindersText(wallet.lots))
    assert.deepStrictEqual(Rows.toWallet({ seq: `${wallet.seq}`, lots: spent, remainders, beyond }), wallet)
  })

  it.prop("the portions and the places of a hold", [Tree.Hold], ([{ portions, places }]) => {
    assert.deepStrictEqual(Rows.toPortions(JSON.parse(Rows.portionsText(portions))), portions)
    assert.deepStrictEqual(Rows.toPlaces(JSON.parse(Rows.placesText(places))), places)
  })

  it.prop("what an entry counts", [Schema.Array(Tree.Count)], ([counts]) => {
    assert.deepStrictEqual(Rows.toCounts(JSON.parse(Rows.countsText(counts) ?? "null")), counts)
  })

  it.prop("and are the same lots as long as nothing but what is left and held differs", [Wallet.State], ([wallet]) => {
    const lots = lowest(wallet).lots
    const anew = lots.map((lot) => Rows.toLot(JSON.parse(Rows.lotsText([lot]))[0]))
    assert.isTrue(
      Rows.isSameLots(
        lots,
        anew.map((lot) => ({ ...lot, left: lot.left + 1n, held: lot.held + 2n }))
      )
    )
    const [lot] = anew
    if (lot === undefined) return
    const others: ReadonlyArray<Partial<Wallet.Lot>> = [
      { id: `${lot.id}x` },
      { kind: lot.kind === "promo" ? "extra" : "promo" },
      { priority: lot.priority + 1 },
      { effectiveAt: lot.effectiveAt + 1 },
      { expiresAt: lot.expiresAt === null ? 1 : null },
      { unitCost: Rate.of(lot.unitCost.numerator + 1n, lot.unitCost.denominator) },
      { source: `${lot.source}x` },
      { allowance: !lot.allowance },
      { outlives: lot.outlives === null ? 1 : null },
      { features: lot.features === null ? [] : [...lot.features, "x"] }
    ]
    for (const other of others) assert.isFalse(Rows.isSameLots(lots, anew.with(0, { ...lot, ...other })))
    assert.isFalse(Rows.isSameLots(lots, anew.slice(1)))
  })

  it.prop("and says when its next lot ends that has something left", [Wallet.State], ([wallet]) => {
    const ends = wallet.lots.flatMap(({ expiresAt, left }) => (left > 0n && expiresAt !== null ? [expiresAt] : []))
    assert.strictEqual(Rows.nextExpiry(wallet), ends.length === 0 ? null : Math.min(...ends))
  })
})
