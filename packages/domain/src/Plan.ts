/**
 * A version of a plan: what is sold, on which clocks, and what a credit is worth. Immutable; subscriptions pin one.
 *
 * All money in it, rates included, is of one currency. A yearly plan may grant credits monthly: `interval` turns the money
 * clock, `creditInterval` the credit clock; `null` never renews.
 */
import { Schema } from "effect"
import { Interval } from "./Calendar.ts"
import * as Credits from "./Credits.ts"
import { Currency } from "./Currency.ts"
import { Id } from "./Id.ts"
import { Instant } from "./Instant.ts"
import { Minor } from "./Money.ts"
import { Rate } from "./Rate.ts"
import { Seats, type Terms as Clocks } from "./subscription/State.ts"
import type * as Wallet from "./Wallet.ts"

const key = /^[a-z0-9][a-z0-9_.-]{0,63}$/

export const Key = Schema.String.check(
  Schema.isPattern(key, {
    message: "must be the key of a plan, such as pro",
    toJsonSchema: () => [{ pattern: key.source }, true]
  })
)

const Name = Schema.String.check(
  Schema.isPattern(/^[ -~\u00a0-\uffff]{1,200}$/, { message: "must be one line of 1 to 200 characters" })
)

/** `min(max, max(left, min))` of what a renewal replaces lives on, for so many renewals. */
export const Rollover = Schema.Struct({
  min: Credits.Amount,
  max: Credits.Amount,
  renewals: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))
}).check(Schema.makeFilter(({ min, max }) => (min <= max ? true : { path: ["min"], issue: "must be at most max" })))

/** What was agreed: everything of a version but its name and price. */
export const Terms = Schema.Struct({
  currency: Currency,
  interval: Interval,
  creditInterval: Schema.NullOr(Interval),
  /** Included, and replaced at every renewal. */
  credits: Credits.Amount,
  /** What a credit that was not bought counts for in a cap that counts all. */
  creditValue: Rate,
  rollover: Schema.NullOr(Rollover),
  /** The price of a credit beyond the lots; null where there is no overage. */
  overage: Schema.NullOr(Rate),
  unlimited: Schema.Boolean,
  trial: Schema.NullOr(Interval),
  /** Given anew, not added up, at an interval of its own. */
  promoAllowance: Schema.NullOr(Schema.Struct({ amount: Credits.Positive, interval: Interval })),
  /** Included in the price. */
  seats: Seats
})
export interface Terms extends Schema.Schema.Type<typeof Terms> {}

const Price = Minor.check(Schema.makeFilter((price) => price >= 0n || "must not be negative"))

export const Draft = Schema.Struct({
  key: Key,
  name: Name,
  /** For one `interval`. */
  price: Price,
  terms: Terms
})
export interface Draft extends Schema.Schema.Type<typeof Draft> {}

export const Version = Schema.Struct({
  ...Draft.fields,
  id: Id,
  /** Counted from 1 within the key. */
  version: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  createdAt: Instant
})
export interface Version extends Schema.Schema.Type<typeof Version> {}

/** There is no first order to pay. */
export const isFree = ({ price }: Pick<Version, "price">): boolean => price === 0n

/** What its wallet may do. */
export const terms = ({ terms }: Pick<Version, "terms">, overdraftLimit: Credits.Credits): Wallet.Terms => {
  const { creditValue, overage, unlimited } = terms
  return { creditValue, overage, unlimited, overdraftLimit }
}

/** What it says to a subscription about time. */
export const clocks = (version: Version): Clocks => {
  const { interval, creditInterval } = version.terms
  return { plan: version.id, free: isFree(version), interval, creditInterval }
}

interface New {
  readonly id: Id
  readonly at: Instant
}

/** The included credits of one grant: they last until the next replaces them. */
export const included = ({ terms }: Pick<Version, "terms">, { id, at }: New): Wallet.Lot => ({
  ...lasting(terms, { id, at }),
  kind: "included",
  left: terms.credits,
  source: "renewal",
  allowance: false
})

/** The promo allowance set back to its amount; null where the plan has none. */
export const allowance = ({ terms }: Pick<Version, "terms">, { id, at }: New): Wallet.Lot | null =>
  terms.promoAllowance === null
    ? null
    : {
        ...lasting(terms, { id, at }),
        kind: "promo",
        left: terms.promoAllowance.amount,
        source: "allowance",
        allowance: true
      }

const lasting = ({ creditValue }: Terms, { id, at }: New) => ({
  id,
  held: 0n,
  priority: 0,
  effectiveAt: at,
  expiresAt: null,
  unitCost: creditValue,
  outlives: null,
  features: null
})
