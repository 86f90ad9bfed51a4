import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Cost, Credits, Money } from "../src/index.ts"

const millionths = Schema.BigInt.check(
  Schema.isBetweenBigInt({ minimum: -(10n ** 19n) + 1n, maximum: 10n ** 19n - 1n })
)
const decode = Schema.decodeUnknownResult(Credits.Credits)

it.prop("credits and costs survive their JSON", [millionths], ([amount]) => {
  for (const codec of [Credits.Credits, Cost.Cost]) {
    const written: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(amount)))
    assert.strictEqual(Schema.decodeUnknownSync(codec)(written), amount)
  }
  assert.strictEqual(Credits.parse(Credits.format(amount)), amount)
})

it.prop("what is written has no needless zeros, and at most six places", [millionths], ([amount]) => {
  const written = Credits.format(amount)
  assert.match(written, /^(0|-?([1-9]\d*|0)(\.\d{0,5}[1-9])?)$/)
  assert.strictEqual(written.startsWith("-"), amount < 0n)
})

it.prop("the JSON Schema of an amount allows what is accepted, and nothing else", [millionths], ([amount]) => {
  const written = Credits.format(amount)
  for (const codec of [Credits.Amount, Credits.Positive, Credits.Change]) {
    const accepted = Result.isSuccess(Schema.decodeUnknownResult(codec)(written))
    assert.strictEqual(patternOf(codec).test(written), accepted, written)
  }
})

const patternOf = (codec: Schema.Top): RegExp => {
  const { schema } = Schema.toJsonSchemaDocument(codec)
  const [text] = schema["anyOf"] as ReadonlyArray<{ readonly pattern: string }>
  return new RegExp(text?.pattern ?? "", "u")
}

const whole = Schema.Int.check(Schema.isBetween({ minimum: -9_999_999_999_999, maximum: 9_999_999_999_999 }))
it.prop("a whole number says the same as its text", [whole], ([n]) => {
  assert.deepStrictEqual(decode(n), Result.succeed(BigInt(n) * 1_000_000n))
  assert.deepStrictEqual(decode(String(n)), decode(n))
})

it("reads decimals of up to six places", () => {
  const read = (text: string) => Result.getOrThrow(decode(text))
  assert.deepStrictEqual(
    [read("1.5"), read("-0.000001"), read("0012.50"), read("-0")],
    [1_500_000n, -1n, 12_500_000n, 0n]
  )
})

it("refuses what it cannot keep: seven places, fractions as numbers, and what is no number", () => {
  const bad = [
    "1.0000001",
    "12345678901234",
    "1e3",
    "",
    ".5",
    "1.",
    "+1",
    " 1",
    "١",
    0.1,
    1e15,
    Number.NaN,
    null,
    {},
    1n
  ]
  for (const written of bad) assert.isTrue(Result.isFailure(decode(written)), typeof written)
})

it.prop("an amount is from nothing to the most, a positive one more than nothing", [millionths], ([amount]) => {
  const written = Credits.format(amount)
  const inRange = amount >= 0n && amount <= Credits.most
  assert.strictEqual(Result.isSuccess(Schema.decodeUnknownResult(Credits.Amount)(written)), inRange)
  assert.strictEqual(Result.isSuccess(Schema.decodeUnknownResult(Credits.Positive)(written)), inRange && amount > 0n)
  assert.strictEqual(Result.isSuccess(Schema.decodeUnknownResult(Credits.Sum)(written)), amount >= 0n)
})

it("the bounds themselves are in range, and one beyond is not", () => {
  const amount = Schema.decodeUnknownResult(Credits.Amount)
  assert.deepStrictEqual(amount("1000000000"), Result.succeed(Credits.most))
  assert.isTrue(Result.isFailure(amount("1000000000.000001")))
  assert.deepStrictEqual(amount(0), Result.succeed(0n))
  assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(Credits.Positive)("0")))
})

it.prop("the least and the most are of the two", [millionths, millionths], ([a, b]) => {
  assert.deepStrictEqual([Credits.min(a, b), Credits.max(a, b)], a < b ? [a, b] : [b, a])
})

it.prop("a minor unit is a million millionths", [Money.Minor], ([amount]) =>
  assert.strictEqual(Cost.format(Cost.ofMinor(amount)), String(amount))
)
