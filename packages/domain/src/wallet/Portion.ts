/**
 * A share of a debit or a hold: so many credits, from one lot or from beyond the lots, at a cost rounded up once.
 *
 * Beyond the lots are `overage` (postpaid, invoiced at the period's end), `overdraft` (prepaid, absorbed by the next
 * grant) and `unlimited` (recorded and capped, nothing taken); `overage_elsewhere` is the same of what another wallet owes.
 */
import { Schema } from "effect"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"

const Beyond = Schema.Literals(["overage", "overdraft", "unlimited", "overage_elsewhere"])

export const Portion = Schema.Struct({
  from: Schema.Union([Beyond, Id]),
  amount: Credits.Positive,
  cost: Cost,
  /** It costs extra: bought credits, overage and overdraft do; promo, included and unlimited ones do not. */
  charged: Schema.Boolean
})
export interface Portion extends Schema.Schema.Type<typeof Portion> {}
export type Portions = ReadonlyArray<Portion>

export const total = (portions: Portions): Credits.Credits => {
  let sum = 0n
  for (const { amount } of portions) sum += amount
  return sum
}

/** What portions cost, to a cap that counts all of them, only the charged ones, or only what is billed afterwards. */
export const cost = (portions: Portions, scope: "all" | "billed" | "extra"): Cost => {
  let sum = 0n
  for (const portion of portions)
    if (scope === "all" || (scope === "extra" ? portion.charged : isBilled(portion))) sum += portion.cost
  return sum
}

const isBilled = ({ from }: Portion): boolean => from === "overage" || from === "overage_elsewhere"

/**
 * The credits of portions from one offset to another. Costs are shared out so that the slices of any cutting sum to
 * the whole: up to an offset the share is rounded up, and a slice costs the difference.
 */
export const slice = (portions: Portions, from: Credits.Credits, to: Credits.Credits): Portions => {
  const slices: Array<Portion> = []
  let start = 0n
  for (const portion of portions) {
    const first = Credits.max(from - start, 0n)
    const last = Credits.min(to - start, portion.amount)
    start += portion.amount
    if (first >= last) continue
    const upTo = (offset: Credits.Credits): Cost => (portion.cost * offset + portion.amount - 1n) / portion.amount
    slices.push({ ...portion, amount: last - first, cost: upTo(last) - upTo(first) })
  }
  return slices
}
