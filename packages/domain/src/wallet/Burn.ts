/**
 * How a debit finds its credits.
 *
 * Lots in burn order; a lot that spending caps count is used up to their headroom, then skipped, so no debit is refused
 * while credits that no cap counts cover it. Beyond the lots: overdraft, then overage, as the terms allow.
 */
import type { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import * as Rate from "../Rate.ts"
import { isBought, isExpired, type Lot } from "./Lot.ts"
import type { Portion, Portions } from "./Portion.ts"
import type { State } from "./State.ts"

/** What the plan and the client's contract say of spending; a client without a plan has `prepaid`. */
export interface Terms {
  /** Debits are recorded and capped, lots untouched. */
  readonly unlimited: boolean
  /** What a credit that was not bought counts for in a cap of scope `all`. */
  readonly creditValue: Rate.Rate
  readonly overdraftLimit: Credits.Credits
  /** The price of a credit beyond the lots, invoiced at the period's end; null where there is no overage. */
  readonly overage: Rate.Rate | null
}

export const prepaid: Terms = { unlimited: false, creditValue: Rate.zero, overdraftLimit: 0n, overage: null }

/**
 * What hard caps still allow: `all` over caps that count every credit, `charged` over those that count what costs extra,
 * `billed` over those that count overage alone.
 */
export interface Headroom {
  readonly all: Cost | null
  readonly charged: Cost | null
  readonly billed: Cost | null
}

export const boundless: Headroom = { all: null, charged: null, billed: null }

export interface Ask {
  readonly amount: Credits.Credits
  readonly at: Instant
  readonly feature: string | null
  /** `bought`: a subscription has ended, only bought and one-off lots may be spent. */
  readonly use: "all" | "bought"
  readonly terms: Terms
  readonly headroom: Headroom
}

export interface Burned {
  readonly portions: Portions
  readonly missing: Credits.Credits
  /** What caps kept back. Where it covers what is missing, credits would have covered all, and only there. */
  readonly capped: Credits.Credits
}

export const isSpendable = (lot: Lot, ask: Pick<Ask, "at" | "feature" | "use">): boolean =>
  lot.left > 0n &&
  lot.effectiveAt <= ask.at &&
  !isExpired(lot, ask.at) &&
  (ask.use === "all" || isBought(lot)) &&
  (lot.features === null || (ask.feature !== null && lot.features.includes(ask.feature)))

export const burn = (state: State, ask: Ask): Burned => {
  const { amount, headroom, terms, use } = ask
  const { all, billed, charged } = headroom
  const draft: Draft = { portions: [], missing: amount, capped: 0n, all, charged, billed }
  if (terms.unlimited && use === "all") {
    take(draft, "unlimited", amount, terms.creditValue, false)
    return draft
  }
  for (const lot of state.lots) {
    if (draft.missing <= 0n) return draft
    if (isSpendable(lot, ask)) take(draft, lot.id, lot.left, lot.unitCost, lot.kind === "extra")
  }
  if (use === "bought") return draft
  const { held, used } = state.overdraft
  take(draft, "overdraft", terms.overdraftLimit - used - held, terms.creditValue, true)
  if (terms.overage !== null) take(draft, "overage", draft.missing, terms.overage, true)
  return draft
}

interface Draft {
  readonly portions: Array<Portion>
  missing: Credits.Credits
  capped: Credits.Credits
  all: Cost | null
  charged: Cost | null
  readonly billed: Cost | null
}

const take = (
  draft: Draft,
  from: Portion["from"],
  available: Credits.Credits,
  rate: Rate.Rate,
  charged: boolean
): void => {
  const wanted = available < draft.missing ? available : draft.missing
  if (wanted <= 0n) return
  let room = charged ? least(draft.all, draft.charged) : draft.all
  if (from === "overage") room = least(room, draft.billed)
  let amount = wanted
  let cost = Rate.costOf(rate, wanted)
  if (room !== null && cost > room) {
    amount = Rate.affordable(rate, room)
    draft.capped += wanted - amount
    if (amount === 0n) return
    cost = Rate.costOf(rate, amount)
  }
  draft.portions.push({ from, amount, cost, charged })
  draft.missing -= amount
  if (draft.all !== null) draft.all -= cost
  if (charged && draft.charged !== null) draft.charged -= cost
}

const least = (a: Cost | null, b: Cost | null): Cost | null => (a === null ? b : b === null ? a : a < b ? a : b)
