/**
 * The price of one credit or unit in minor units, as an exact fraction: three thousand credits for ten dollars are a
 * third of a cent each, and stay so. On the wire a decimal of at most 12 places, or a fraction `1/3`.
 *
 * Rounding: a cost is rounded up, once, to a millionth of a minor unit; what a budget affords is rounded down. So what
 * is afforded never costs more than the budget.
 */
import { Schema, SchemaTransformation } from "effect"
import type { Cost } from "./Cost.ts"
import type { Credits } from "./Credits.ts"

const pattern = /^(\d{1,12}(\.\d{1,12})?|\d{1,24}\/0*[1-9]\d{0,23})$/

const Text = Schema.String.check(
  Schema.isPattern(pattern, {
    message: "must be a decimal with at most 12 places, such as 0.25, or a fraction, such as 1/3",
    toJsonSchema: () => [{ pattern: pattern.source }, true]
  })
)

const Fraction = Schema.Struct({
  numerator: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 10n ** 24n - 1n })),
  denominator: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 10n ** 24n - 1n }))
})
export interface Rate extends Schema.Schema.Type<typeof Fraction> {}

export const Rate = Text.pipe(
  Schema.decodeTo(
    Fraction,
    SchemaTransformation.transform({ decode: (text) => parse(text), encode: (rate: Rate) => format(rate) })
  )
)

export const zero: Rate = { numerator: 0n, denominator: 1n }

export const of = (numerator: bigint, denominator: bigint): Rate => {
  const shared = gcd(numerator, denominator)
  return { numerator: numerator / shared, denominator: denominator / shared }
}

export const parse = (text: string): Rate => {
  const [numerator = "0", denominator] = text.split("/")
  if (denominator !== undefined) return of(BigInt(numerator), BigInt(denominator))
  const [whole = "0", fraction = ""] = text.split(".")
  return of(BigInt(whole + fraction), 10n ** BigInt(fraction.length))
}

/** A decimal where 12 places before and after the point say it exactly, else the fraction. */
export const format = ({ numerator, denominator }: Rate): string => {
  const places = 10n ** 12n
  if ((numerator * places) % denominator !== 0n || numerator >= denominator * places)
    return `${numerator}/${denominator}`
  const digits = ((numerator * places) / denominator).toString().padStart(13, "0")
  const fraction = digits.slice(-12).replace(/0+$/, "")
  return fraction === "" ? digits.slice(0, -12) : `${digits.slice(0, -12)}.${fraction}`
}

export const equals = (a: Rate, b: Rate): boolean => a.numerator * b.denominator === b.numerator * a.denominator

/** What credits cost, rounded up: micro-credits times minor units a credit are millionths of a minor unit. */
export const costOf = (rate: Rate, credits: Credits): Cost =>
  rate.numerator === 0n ? 0n : (credits * rate.numerator + rate.denominator - 1n) / rate.denominator

/** The most credits whose cost is at most `cost`. Not to be asked of what is free. */
export const affordable = (rate: Rate, cost: Cost): Credits => (cost * rate.denominator) / rate.numerator

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))
