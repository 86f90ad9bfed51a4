/**
 * Credits for sale: so many for a price, for a time or for ever. A version is immutable; an order names the one it sold.
 *
 * The unit price is exact: three thousand credits for ten dollars are a third of a cent each.
 */
import { Schema } from "effect"
import { Interval, period, type Zone } from "./Calendar.ts"
import * as Credits from "./Credits.ts"
import { Currency } from "./Currency.ts"
import { Id } from "./Id.ts"
import { Instant } from "./Instant.ts"
import { Minor } from "./Money.ts"
import { Key } from "./Plan.ts"
import * as Rate from "./Rate.ts"

/** The most that a pack may cost, and the most packs of one order: together they keep every cost within 64 bits. */
export const mostPrice = 1_000_000_000n
export const mostPacks = 1_000

const Name = Schema.String.check(
  Schema.isPattern(/^[ -~\u00a0-\uffff]{1,200}$/, { message: "must be one line of 1 to 200 characters" })
)

const Price = Minor.check(
  Schema.makeFilter(
    (price) => (price > 0n && price <= mostPrice) || `must be more than 0, and at most ${mostPrice} minor units`
  )
)

export const Draft = Schema.Struct({
  key: Key,
  name: Name,
  price: Price,
  currency: Currency,
  credits: Credits.Positive,
  /** How long its credits last from when they are granted; null for ever. */
  lasts: Schema.NullOr(Interval)
})
export interface Draft extends Schema.Schema.Type<typeof Draft> {}

export const Version = Schema.Struct({
  ...Draft.fields,
  id: Id,
  /** Counted from 1 within the key. */
  version: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  createdAt: Instant,
  /** From then on it is not sold. */
  archivedAt: Schema.NullOr(Instant)
})
export interface Version extends Schema.Schema.Type<typeof Version> {}

/** Minor units a credit. */
export const unitPrice = ({ price, credits }: Pick<Draft, "credits" | "price">): Rate.Rate =>
  Rate.of(price * 1_000_000n, credits)

/** When credits that are granted at an instant end, in the zone of their client. */
export const expiresAt = ({ lasts }: Pick<Draft, "lasts">, zone: Zone, at: Instant): Instant | null =>
  lasts === null ? null : period(at, lasts, zone, 0).end
