import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Rate } from "../src/index.ts"

const between = (minimum: bigint, maximum: bigint) => Schema.BigInt.check(Schema.isBetweenBigInt({ minimum, maximum }))
const amount = between(0n, 10n ** 18n)
const part = between(0n, 10n ** 24n - 1n)
const whole = between(1n, 10n ** 24n - 1n)
const small = between(1n, 10_000n)
const decode = Schema.decodeUnknownResult(Rate.Rate)

it.prop("what a budget affords fits in it, and one more does not", [small, small, amount], ([a, b, budget]) => {
  const rate = Rate.of(a, b)
  const affords = Rate.affordable(rate, budget)
  assert.isTrue(Rate.costOf(rate, affords) <= budget)
  assert.isTrue(Rate.costOf(rate, affords + 1n) > budget)
})

it.prop("credits afford at least themselves", [part, whole, amount], ([a, b, credits]) => {
  const rate = Rate.of(a, b)
  if (a > 0n) assert.isTrue(Rate.affordable(rate, Rate.costOf(rate, credits)) >= credits)
})

it.prop(
  "a cost is less than one above the exact one, never below, and never falls",
  [part, whole, amount],
  ([a, b, n]) => {
    const rate = Rate.of(a, b)
    const cost = Rate.costOf(rate, n)
    assert.isTrue(cost * b >= n * a && cost * b < n * a + b)
    assert.isTrue(Rate.costOf(rate, n + 1n) >= cost)
    assert.strictEqual(Rate.costOf(Rate.zero, n), 0n)
  }
)

it.prop(
  "parts cost at least the whole, and less than one more each",
  [small, small, amount, amount],
  ([a, b, m, n]) => {
    const rate = Rate.of(a, b)
    const parts = Rate.costOf(rate, m) + Rate.costOf(rate, n)
    const whole = Rate.costOf(rate, m + n)
    assert.isTrue(parts === whole || parts === whole + 1n)
  }
)

it.prop("a rate survives its JSON", [part, whole], ([a, b]) => {
  const rate = Rate.of(a, b)
  const written: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(Rate.Rate)(rate)))
  assert.deepStrictEqual(Schema.decodeUnknownSync(Rate.Rate)(written), rate)
})

it.prop("equal rates are those of one value", [part, whole, small], ([a, b, k]) => {
  assert.deepStrictEqual(Rate.of(a * k, b * k), Rate.of(a, b))
  assert.isTrue(Rate.equals({ numerator: a * k, denominator: b * k }, Rate.of(a, b)))
  assert.isFalse(Rate.equals({ numerator: a * k + 1n, denominator: b * k }, Rate.of(a, b)))
})

it("a decimal where one says it, else a fraction", () => {
  const written = (text: string) => Rate.format(Rate.parse(text))
  assert.deepStrictEqual(["0.25", "0", "12", "0010.500", "2/6", "3/4", "1/8192"].map(written), [
    "0.25",
    "0",
    "12",
    "10.5",
    "1/3",
    "0.75",
    "1/8192"
  ])
  assert.strictEqual(written("0.000000000001"), "0.000000000001")
  assert.strictEqual(written(`${10n ** 12n}/1`), `${10n ** 12n}/1`)
})

it("refuses what is no price", () => {
  const bad = [
    "1/0",
    "0/00",
    "-1",
    "1.1234567890123",
    "1234567890123",
    ".5",
    "1.",
    "1e3",
    "1/3/4",
    "1/-3",
    "",
    " 1",
    1,
    null
  ]
  for (const written of bad) assert.isTrue(Result.isFailure(decode(written)), String(written))
})
