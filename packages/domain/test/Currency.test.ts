import { assert, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as Currency from "../src/Currency.ts"

const decode = Schema.decodeUnknownResult(Currency.Currency)
const currency = (code: string) => Schema.decodeSync(Currency.Currency)(code)

it("knows every active currency that has a minor unit, once", () => {
  const countByDigits = Map.groupBy(Currency.codes, (code) => Currency.digits(currency(code)))
  assert.deepStrictEqual(
    [...countByDigits].map(([digits, codes]) => [digits, codes.length]),
    [
      [0, 17],
      [2, 139],
      [3, 7],
      [4, 2]
    ]
  )
  assert.strictEqual(new Set(Currency.codes).size, Currency.codes.length)
  for (const code of Currency.codes) assert.match(code, /^[A-Z]{3}$/)
})

it("knows how many digits each takes", () => {
  const digits = ["CHF", "EUR", "JPY", "ISK", "KWD", "TND", "CLF", "XCG"].map((code) => Currency.digits(currency(code)))
  assert.deepStrictEqual(digits, [2, 2, 0, 0, 3, 3, 4, 2])
})

it("refuses what is not a currency, is one no more, or has no minor unit", () => {
  for (const code of ["eur", "Eur", "EURO", "EU", " EUR", "EUR\n", "DEM", "HRK", "XAU", "XXX", "XTS", "", 978, null])
    assert.isTrue(Result.isFailure(decode(code)), String(code))
  const refusal = decode("EURO")
  assert.include(Result.isFailure(refusal) ? refusal.failure.message : "", "must be a currency of ISO 4217")
})

it.prop(
  "what is written reads back as the same amount",
  [Currency.Currency, Arbitrary.schema(Schema.BigInt)],
  ([currency, amount]) => {
    const [number = "", code] = Currency.format(amount, currency).split(" ")
    assert.strictEqual(code, currency)
    assert.strictEqual(number.split(".")[1]?.length ?? 0, Currency.digits(currency))
    assert.strictEqual(BigInt(number.replace(".", "")), amount)
    assert.match(number, /^-?(0|[1-9]\d*)(\.\d+)?$/)
  }
)

it("writes as a person reads", () => {
  assert.strictEqual(Currency.format(-5n, currency("CHF")), "-0.05 CHF")
  assert.strictEqual(Currency.format(123_456n, currency("EUR")), "1234.56 EUR")
  assert.strictEqual(Currency.format(1200n, currency("JPY")), "1200 JPY")
  assert.strictEqual(Currency.format(0n, currency("KWD")), "0.000 KWD")
})
