/**
 * What a spending cap counts: money in millionths of a minor unit, so that a debit of 0.003 cents counts. The currency
 * stands on the cap. On the wire a decimal string of minor units, at most six places.
 */
import { Millionths } from "./Millionths.ts"
import type { Minor } from "./Money.ts"

export { format, parse } from "./Millionths.ts"

export const Cost = Millionths
export type Cost = bigint

export const ofMinor = (amount: Minor): Cost => amount * 1_000_000n
