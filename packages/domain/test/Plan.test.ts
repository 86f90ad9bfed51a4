import { Plan, Rate, Wallet } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"

const codec = Schema.toCodecJson(Plan.Version)
const encode = Schema.encodeSync(codec)
const decode = Schema.decodeUnknownSync(codec)

/** Of a credit value that no amount makes too dear. */
const priced = (version: Plan.Version): Plan.Version => ({
  ...version,
  terms: { ...version.terms, creditValue: Rate.of(1n, 2n) }
})
const Part = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 999_999_999_999n }))

describe("Plan", () => {
  it.prop("versions survive their JSON encoding", [Plan.Version, Part, Part], ([arbitrary, numerator, denominator]) => {
    const rate = Rate.of(numerator, denominator)
    const overage = arbitrary.terms.overage === null ? null : rate
    const version = { ...arbitrary, terms: { ...arbitrary.terms, creditValue: rate, overage } }
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(version)))), version)
  })

  it.prop("a plan is free exactly where nothing is to be paid", [Plan.Version], ([version]) => {
    assert.strictEqual(Plan.clocks(version).free, version.price === 0n)
    assert.strictEqual(Plan.clocks(version).plan, version.id)
  })

  it.prop(
    "a renewal gives what the plan includes, whatever was left",
    [Plan.Version, Plan.Version],
    ([before, now]) => {
      const renewed = [before, now].reduce((state, version, i) => {
        const id = `00000000-0000-0000-0000-00000000000${i}`
        const lot = Plan.included(priced(version), { id, at: i })
        const decided = Wallet.decide(state, { _tag: "Renew", lot, rollover: null, at: i })
        return Result.isSuccess(decided) ? decided.success.reduce(Wallet.evolve, state) : state
      }, Wallet.initial)
      assert.strictEqual(Wallet.balance(renewed, 1), now.terms.credits)
    }
  )

  it.prop("an allowance sets back its own lot only", [Plan.Version], ([version]) => {
    const at = 5
    const lot = Plan.allowance(priced(version), { id: "00000000-0000-0000-0000-000000000001", at })
    assert.strictEqual(lot === null, version.terms.promoAllowance === null)
    if (lot === null) return
    const bought: Wallet.Lot = {
      ...lot,
      id: "00000000-0000-0000-0000-000000000002",
      kind: "extra",
      left: 7n,
      unitCost: Rate.of(1n, 3n),
      allowance: false
    }
    const state = { ...Wallet.initial, lots: [{ ...lot, left: 1n }, bought] }
    const fresh = { ...lot, id: "00000000-0000-0000-0000-000000000003" }
    const decided = Wallet.decide(state, { _tag: "Renew", lot: fresh, rollover: null, at })
    assert.isTrue(Result.isSuccess(decided))
    if (Result.isFailure(decided)) return
    const after = decided.success.reduce(Wallet.evolve, state)
    assert.deepStrictEqual(after.lots, [fresh, bought])
  })

  it("a rollover's least is not above its most", () => {
    const rollover = (min: string, max: string) => Schema.decodeUnknownResult(Plan.Rollover)({ min, max, renewals: 1 })
    assert.isTrue(Result.isSuccess(rollover("1", "1")))
    assert.isTrue(Result.isFailure(rollover("1.000001", "1")))
  })
})
