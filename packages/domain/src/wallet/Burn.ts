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
import { isExpired, isBought, type Lot } from "./Lot.ts"
import type { Beyond, Portion, Portions } from "./Portion.ts"
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

/** What hard caps still allow: `all` over caps that count every credit, `charged` over those that count what costs extra. */
export interface Headroom {
  readonly all: Cost | null
  readonly charged: Cost | null
}

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
  /** What caps kept back: credits that would have covered what is missing. */
  readonly capped: Credits.Credits
}

export const isSpendable = (lot: Lot, ask: Pick<Ask, "at" | "feature" | "use">): boolean =>
  lot.left > 0n &&
  lot.effectiveAt <= ask.at &&
  !isExpired(lot, ask.at) &&
  (ask.use === "all" || isBought(lot)) &&
  (lot.features === null || (ask.feature !== null && lot.features.includes(ask.feature)))

export const burn = (state: State, ask: Ask): Burned => {
  const portions: Array<Portion> = []
  let { all, charged: chargedRoom } = ask.headroom
  let missing = ask.amount
  let capped = 0n

  const take = (from: Portion["from"], available: Credits.Credits, rate: Rate.Rate, charged: boolean) => {
    const wanted = Credits.min(available, missing)
    const room = charged ? least(all, chargedRoom) : all
    const amount = room === null || rate.numerator === 0n ? wanted : Credits.min(wanted, Rate.affordable(rate, room))
    capped += wanted - amount
    if (amount === 0n) return
    const cost = Rate.costOf(rate, amount)
    portions.push({ from, amount, cost, charged })
    missing -= amount
    if (all !== null) all -= cost
    if (charged && chargedRoom !== null) chargedRoom -= cost
  }

  if (ask.terms.unlimited) take("unlimited", ask.amount, ask.terms.creditValue, false)
  else {
    for (const lot of state.lots) {
      if (missing === 0n) break
      if (isSpendable(lot, ask)) take(lot.id, lot.left, lot.unitCost, lot.kind === "extra")
    }
    if (missing > 0n && ask.use === "all") {
      const beyond: ReadonlyArray<readonly [Beyond, Credits.Credits, Rate.Rate | null]> = [
        ["overdraft", overdraftLeft(state, ask.terms), ask.terms.creditValue],
        ["overage", missing, ask.terms.overage]
      ]
      for (const [from, available, rate] of beyond) if (rate !== null && missing > 0n) take(from, available, rate, true)
    }
  }
  return { portions, missing, capped }
}

const overdraftLeft = ({ overdraft }: State, { overdraftLimit }: Terms): Credits.Credits =>
  Credits.max(0n, overdraftLimit - overdraft.used - overdraft.held)

const least = (a: Cost | null, b: Cost | null): Cost | null => (a === null ? b : b === null ? a : a < b ? a : b)
