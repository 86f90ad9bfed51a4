/**
 * How a debit is given back: each portion to its lot; to a lot that is spent but has not ended, which lives again; what was
 * owed and has been paid since to a new lot, and the share of lots that have ended as well, as the policy says.
 */
import { Result } from "effect"
import * as Credits from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import * as Rate from "../Rate.ts"
import type { Decision, Of } from "./Command.ts"
import type { Event } from "./Event.ts"
import { isExpired, isSameSort, type Lot, sameFeatures } from "./Lot.ts"
import { type Portion, type Portions, slice, total } from "./Portion.ts"
import { isTooLarge, mostCredits, mostLots, type State } from "./State.ts"

export const reverse = (state: State, { debit, portions, origins, regrant, at }: Of<"Reverse">): Decision => {
  const back: Array<Portion> = []
  const ended: Array<Portion> = []
  const paid: Array<Portion> = []
  const revived: Array<Lot> = []
  const owed = { overage: state.overage.used, overdraft: state.overdraft.used }
  for (const portion of portions) {
    const { amount, from } = portion
    if (from === "unlimited" || from === "overage_elsewhere") continue
    // Its order stands, so it comes back as what it has bought.
    if (from === "overage" && debit <= state.overage.closed) {
      paid.push(portion)
      continue
    }
    if (from === "overage" || from === "overdraft") {
      back.push(...slice([portion], 0n, owed[from]))
      paid.push(...slice([portion], owed[from], amount))
      owed[from] = Credits.max(0n, owed[from] - amount)
      continue
    }
    const living = state.lots.find(({ id }) => id === from) ?? revived.find(({ id }) => id === from)
    const lot = living ?? origins.find(({ id }) => id === from)
    if (lot === undefined || isExpired(lot, at)) {
      ended.push(portion)
      continue
    }
    back.push(portion)
    if (living === undefined) revived.push({ ...lot, left: 0n, held: 0n })
  }
  const anew = regrant.lapses ? paid : [...paid, ...ended]
  const regranted = anew.length === 0 ? null : substitute(anew, origins, regrant, at)
  const lots = state.lots.length + revived.length + (regranted === null ? 0 : 1)
  if (lots > mostLots) return Result.fail({ _tag: "TooManyLots", most: mostLots })
  if (isTooLarge(state, total(portions))) return Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
  return Result.succeed([{ _tag: "Reversed", debit, amount: total(portions), portions, back, revived, regranted }])
}

/**
 * The lots that entries made, with the ends that renewals gave them. The entries are a wallet's grants, renewals and
 * reversals, in the order of the ledger; others say nothing here.
 */
export const origins = (entries: Iterable<Event>): ReadonlyArray<Lot> => {
  let lots: ReadonlyArray<Lot> = []
  const made = (more: ReadonlyArray<Lot>) => more.filter(({ id }) => !lots.some((lot) => lot.id === id))
  for (const entry of entries) {
    if (entry._tag === "Granted") lots = [...lots, ...made([entry.lot])]
    if (entry._tag === "Renewed") lots = [...lots.map((lot) => renewed(lot, entry)), ...made(entry.lots)]
    if (entry._tag === "Reversed" && entry.regranted !== null) lots = [...lots, ...made([entry.regranted])]
  }
  return lots
}

/** A lot after a renewal: ended, or outliving one fewer. */
const renewed = (lot: Lot, { at, lots: [fresh] }: Event & { readonly _tag: "Renewed" }): Lot => {
  if (fresh === undefined || !isSameSort(lot, fresh) || lot.effectiveAt > at || isExpired(lot, at)) return lot
  return lot.outlives === null || lot.outlives === 0
    ? { ...lot, expiresAt: at }
    : { ...lot, outlives: lot.outlives - 1 }
}

/** What stands for what cannot come back to its lot: it costs what that cost, and is bought where any of it was. */
const substitute = (
  ended: Portions,
  origins: ReadonlyArray<Lot>,
  { lot, expiresAt }: Of<"Reverse">["regrant"],
  at: Instant
): Lot => {
  const amount = total(ended)
  const features = ended.map(({ from }) => origins.find(({ id }) => id === from)?.features ?? null)
  const [first = null] = features
  return {
    id: lot,
    kind: ended.some(({ charged }) => charged) ? "extra" : "promo",
    left: amount,
    held: 0n,
    priority: 0,
    effectiveAt: at,
    expiresAt,
    unitCost: Rate.of(
      ended.reduce((sum, { cost }) => sum + cost, 0n),
      amount
    ),
    source: "reversal",
    allowance: false,
    outlives: null,
    features: features.every((others) => sameFeatures(others, first)) ? first : null
  }
}
