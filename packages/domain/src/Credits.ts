/**
 * Credits, in micro-credits: one credit is 1 000 000n. On the wire a decimal string of at most six places; an integer
 * is accepted.
 */
import { Schema } from "effect"
import { Millionths, told } from "./Millionths.ts"

export { format, parse } from "./Millionths.ts"

/** The most that one command may ask for: a thousand million credits. */
export const most = 1_000_000_000_000_000n

const bounded = (least: bigint) =>
  Schema.isBetweenBigInt(
    { minimum: least, maximum: most },
    { message: `must be ${least === 0n ? "at least 0" : "more than 0"}, and at most 1000000000 credits` }
  )

/** A balance: of any sign. */
export const Credits = Millionths
/** What is asked for, or taken: not negative. */
export const Amount = told({
  text: /^(\d{1,9}(\.\d{1,6})?|1000000000(\.0{1,6})?)$/,
  whole: { minimum: 0, maximum: 1_000_000_000 }
}).check(bounded(0n))

const someOfOne = "0\\.([1-9]\\d{0,5}|0[1-9]\\d{0,4}|00[1-9]\\d{0,3}|000[1-9]\\d{0,2}|0000[1-9]\\d?|00000[1-9])"
const some = `([1-9]\\d{0,8}(\\.\\d{1,6})?|${someOfOne}|1000000000(\\.0{1,6})?)`

/** What is given, or held: more than nothing. */
export const Positive = told({
  text: new RegExp(`^${some}$`),
  whole: { minimum: 1, maximum: 1_000_000_000 }
}).check(bounded(1n))
/** What a balance is set right by: up or down, but not by nothing. */
export const Change = told({
  text: new RegExp(`^-?${some}$`),
  whole: { minimum: -1_000_000_000, maximum: 1_000_000_000, not: { const: 0 } }
}).check(
  Schema.makeFilter(
    (amount) =>
      (amount !== 0n && amount >= -most && amount <= most) || "must not be 0, and at most 1000000000 credits up or down"
  )
)
/** What many amounts come to: not negative. */
export const Sum = Millionths.check(Schema.isGreaterThanOrEqualToBigInt(0n, { message: "must be at least 0" }))
export type Credits = bigint

export const min = (a: Credits, b: Credits): Credits => (a < b ? a : b)
export const max = (a: Credits, b: Credits): Credits => (a > b ? a : b)
