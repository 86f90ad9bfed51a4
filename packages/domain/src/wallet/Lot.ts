/**
 * A lot: credits that came together, at one unit cost, and end together.
 *
 * `left` may be spent, `held` is pinned by holds; a lot lives while either is more than nothing. Lots burn in one total
 * order: priority, soonest end (never = last), kind (promo, included, extra), age, id.
 */
import { Schema } from "effect"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"
import { compareEnds, Instant } from "../Instant.ts"
import * as Rate from "../Rate.ts"

export const Kind = Schema.Literals(["promo", "included", "extra"])
export type Kind = typeof Kind.Type

export const Lot = Schema.Struct({
  id: Id,
  kind: Kind,
  left: Credits.Sum,
  held: Credits.Sum,
  /** Lower burns first. */
  priority: Schema.Int.check(Schema.isBetween({ minimum: -1000, maximum: 1000 })),
  effectiveAt: Instant,
  /** From this instant on the lot cannot be spent. */
  expiresAt: Schema.NullOr(Instant),
  /** What a credit of it costs: what was paid for bought ones, the plan's credit value for the others. */
  unitCost: Rate.Rate,
  /** What it came from, such as `grant` or `renewal`; a promo allowance keeps its own, by which it is set back. */
  source: Schema.String,
  /** It is the present amount of a recurring promo allowance, which sets it back; not a one-off. */
  allowance: Schema.Boolean,
  /** Renewals that a rolled-over lot still outlives; null for what the next renewal replaces. */
  outlives: Schema.NullOr(Schema.Natural),
  /** The features it may be spent on; null for all. */
  features: Schema.NullOr(Schema.Array(Schema.String))
})
export interface Lot extends Schema.Schema.Type<typeof Lot> {}

const rank: { readonly [K in Kind]: number } = { promo: 0, included: 1, extra: 2 }

export const burnOrder = (a: Lot, b: Lot): number =>
  a.priority - b.priority ||
  compareEnds(a.expiresAt, b.expiresAt) ||
  rank[a.kind] - rank[b.kind] ||
  a.effectiveAt - b.effectiveAt ||
  (a.id < b.id ? -1 : a.id === b.id ? 0 : 1)

export const isLive = (lot: Lot): boolean => lot.left > 0n || lot.held > 0n

export const isExpired = (lot: Lot, at: Instant): boolean => lot.expiresAt !== null && lot.expiresAt <= at

/** After a subscription has ended, what was bought and what was given once may still be spent. */
export const isBought = (lot: Lot): boolean => lot.kind === "extra" || (lot.kind === "promo" && !lot.allowance)

/** Whether both are of one clock: the included credits, or one and the same promo allowance. */
export const isSameSort = (a: Lot, b: Lot): boolean =>
  a.kind === b.kind && (a.kind === "included" || (a.allowance && b.allowance && a.source === b.source))

/** Two lots that nothing but their age tells apart. */
export const isAlike = (a: Lot, b: Lot, at: Instant): boolean =>
  a.kind === b.kind &&
  a.priority === b.priority &&
  a.expiresAt === b.expiresAt &&
  a.effectiveAt <= at &&
  b.effectiveAt <= at &&
  Rate.equals(a.unitCost, b.unitCost) &&
  a.source === b.source &&
  a.allowance === b.allowance &&
  a.outlives === b.outlives &&
  sameFeatures(a.features, b.features)

export const sameFeatures = (a: Lot["features"], b: Lot["features"]): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((feature, i) => feature === b[i]))
