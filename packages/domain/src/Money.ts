/**
 * Amounts of money, in minor units of one currency.
 *
 * An amount is a `bigint`: exact, and total under addition. On the wire it is a safe integer; a larger one has no wire
 * form. The currency stands once, on what contains the amounts. Only `allocate` and `prorate` divide, and both say where
 * the remainder goes.
 */
import { Schema, SchemaTransformation } from "effect"
import { Currency } from "./Currency.ts"

const largest = BigInt(Number.MAX_SAFE_INTEGER)

export const Minor = Schema.Int.pipe(
  Schema.decodeTo(
    Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: -largest, maximum: largest })),
    SchemaTransformation.transform({ decode: BigInt, encode: Number })
  ),
  Schema.brand("Minor")
)
export type Minor = typeof Minor.Type

/** Amounts within bounds, which their JSON Schema tells as well. */
export const between = (minimum: bigint, maximum: bigint, message: string) =>
  Schema.Int.check(Schema.isBetween({ minimum: Number(minimum), maximum: Number(maximum) }, { message })).pipe(
    Schema.decodeTo(
      Schema.BigInt.check(Schema.isBetweenBigInt({ minimum, maximum }, { message })),
      SchemaTransformation.transform({ decode: BigInt, encode: Number })
    ),
    Schema.brand("Minor")
  )
/** What is charged, or given back. */
export const Positive = between(1n, largest, "must be more than 0")
/** The bound of a range. */
export const NotNegative = between(0n, largest, "must not be negative")

export const Money = Schema.Struct({ amount: Minor, currency: Currency })
export interface Money extends Schema.Schema.Type<typeof Money> {}

export const zero = 0n as Minor
export const add = (a: Minor, b: Minor): Minor => (a + b) as Minor
export const subtract = (a: Minor, b: Minor): Minor => (a - b) as Minor
export const min = (a: Minor, b: Minor): Minor => (a < b ? a : b)

/**
 * The share `part / whole` of an amount, half to even: `prorate(5n, 1n, 2n)` is 2, and so is `prorate(3n, 1n, 2n)`. A
 * share of an empty whole is nothing.
 */
export const prorate = (amount: Minor, part: bigint, whole: bigint): Minor => {
  if (whole === 0n) return zero
  const product = amount * part
  const sign = product < 0n === whole < 0n ? 1n : -1n
  const size = sizeOf(product)
  const divisor = sizeOf(whole)
  const quotient = size / divisor
  const twice = (size % divisor) * 2n
  const up = twice > divisor || (twice === divisor && quotient % 2n === 1n)
  return (sign * (up ? quotient + 1n : quotient)) as Minor
}

/**
 * Splits an amount in proportion to weights: each share is rounded towards zero, and what is left goes, unit by unit, to
 * the largest remainders (ties: the first). Sums exactly. A negative weight counts as none; no weight at all gives nothing
 * to anyone.
 */
export const allocate = (amount: Minor, weights: ReadonlyArray<bigint>): ReadonlyArray<Minor> => {
  const positive = weights.map((weight) => (weight > 0n ? weight : 0n))
  const total = positive.reduce((sum, weight) => sum + weight, 0n)
  if (total === 0n) return weights.map(() => zero)
  const sign = amount < 0n ? -1n : 1n
  const size = sizeOf(amount)
  const parts = positive.map((weight, index) => ({
    index,
    share: (size * weight) / total,
    remainder: (size * weight) % total
  }))
  const left = Number(parts.reduce((rest, { share }) => rest - share, size))
  const lucky = new Set(
    parts
      .toSorted((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1))
      .slice(0, left)
      .map(({ index }) => index)
  )
  return parts.map(({ index, share }) => (sign * (lucky.has(index) ? share + 1n : share)) as Minor)
}

const sizeOf = (value: bigint): bigint => (value < 0n ? -value : value)
