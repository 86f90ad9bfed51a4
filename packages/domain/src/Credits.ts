/**
 * Credits, in micro-credits: one credit is 1 000 000n. On the wire a decimal string of at most six places; an integer
 * is accepted.
 */
import { Schema } from "effect"
import { Millionths } from "./Millionths.ts"

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
export const Amount = Millionths.check(bounded(0n))
/** What is given, or held: more than nothing. */
export const Positive = Millionths.check(bounded(1n))
/** What many amounts come to: not negative. */
export const Sum = Millionths.check(Schema.isGreaterThanOrEqualToBigInt(0n, { message: "must be at least 0" }))
export type Credits = bigint

export const min = (a: Credits, b: Credits): Credits => (a < b ? a : b)
export const max = (a: Credits, b: Credits): Credits => (a > b ? a : b)
