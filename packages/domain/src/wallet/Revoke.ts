/**
 * How credits that came are taken back: what is unspent of the lot they went to; of the rest, what has lapsed is gone, and
 * what was spent is owed or forgiven. What holds pin counts as spent.
 */
import { Result } from "effect"
import * as Credits from "../Credits.ts"
import type { Decision, Of } from "./Command.ts"
import type { Event } from "./Event.ts"
import { isExpired } from "./Lot.ts"
import { isTooLarge, mostCredits, type State } from "./State.ts"

export const revoke = (state: State, { grant, lot, amount, lapsed, spent }: Of<"Revoke">): Decision => {
  if (amount <= 0n) return Result.succeed([])
  const taken = Credits.min(state.lots.find(({ id }) => id === lot)?.left ?? 0n, amount)
  const gone = Credits.min(lapsed, amount - taken)
  const rest = amount - taken - gone
  const owed = spent === "owe" ? rest : 0n
  if (owed > 0n && isTooLarge(state, state.debt + owed))
    return Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
  const lots = taken === 0n ? [] : [{ lot, amount: taken }]
  return Result.succeed([{ _tag: "Revoked", grant, amount, lots, owed, forgiven: amount - taken - owed }])
}

/** Out of the lots that may be spent, in burn order, whatever they may be spent on; all of it, or nothing. */
export const withdraw = (state: State, { amount, at }: Of<"Withdraw">): Decision => {
  let missing = amount
  const lots: Array<{ readonly lot: string; readonly amount: Credits.Credits }> = []
  for (const lot of state.lots) {
    if (missing <= 0n) break
    if (lot.left <= 0n || lot.effectiveAt > at || isExpired(lot, at)) continue
    const taken = Credits.min(lot.left, missing)
    lots.push({ lot: lot.id, amount: taken })
    missing -= taken
  }
  if (missing > 0n)
    return Result.fail({ _tag: "InsufficientCredits", asked: amount, available: amount - missing, missing })
  return Result.succeed(amount <= 0n ? [] : [{ _tag: "Revoked", grant: null, amount, lots, owed: 0n, forgiven: 0n }])
}

/** How many credits of a lot have lapsed unspent, by the entries that say so. */
export const lapsedOf = (lot: string, entries: Iterable<Event>): Credits.Credits => {
  let lapsed = 0n
  for (const entry of entries) {
    if (entry._tag === "Expired") for (const share of entry.lots) if (share.lot === lot) lapsed += share.amount
    if (entry._tag === "Captured" || entry._tag === "Released")
      for (const portion of entry.lapsed) if (portion.from === lot) lapsed += portion.amount
  }
  return lapsed
}
