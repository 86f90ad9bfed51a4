/**
 * How credits come: what is owed is paid first, debt before overdraft; the rest joins a lot that nothing but age tells
 * apart from it, or is a lot of its own.
 *
 * A renewal replaces the present lots of its sort. What holds have pinned of them stays until they settle, and what then
 * comes back lapses, since the lot has ended.
 */
import { Result } from "effect"
import * as Credits from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import * as Rate from "../Rate.ts"
import type { Decision, Of } from "./Command.ts"
import { isAlike, isExpired, isLive, isSameSort, type Lot } from "./Lot.ts"
import { isTooLarge, mostCredits, mostLots, type State } from "./State.ts"

export const grant = (state: State, { lot, at }: Of<"Grant">): Decision => {
  if (lot.left <= 0n) return Result.succeed([])
  const { left, ...absorbed } = pay(state, lot, at)
  const alike = state.lots.find((other) => isAlike(other, lot, at))
  if (left > 0n && alike === undefined && state.lots.length >= mostLots) return tooMany
  if (isTooLarge(state, lot.left) || isTooDear(lot, lot.left + (alike?.left ?? 0n) + (alike?.held ?? 0n)))
    return tooLarge
  const merged = alike === undefined ? lot : { ...lot, id: alike.id, effectiveAt: alike.effectiveAt }
  return Result.succeed([{ _tag: "Granted", amount: lot.left, lot: { ...merged, left, held: 0n }, ...absorbed }])
}

export const renew = (state: State, { lot, rollover, at }: Of<"Renew">): Decision => {
  const replaced = state.lots.filter(
    (old) =>
      isSameSort(old, lot) &&
      (old.outlives === null || old.outlives === 0) &&
      old.effectiveAt <= at &&
      (old.left > 0n || !isExpired(old, at))
  )
  let unspent = 0n
  for (const old of replaced) if (old.outlives === null && !isExpired(old, at)) unspent += old.left
  const rolled =
    rollover === null || rollover.renewals < 1 ? 0n : Credits.min(rollover.max, Credits.max(unspent, rollover.min))
  if (isTooLarge(state, lot.left + rolled) || isTooDear(lot, lot.left + rolled)) return tooLarge
  const { left, ...absorbed } = pay(state, lot, at)
  const lots: Array<Lot> = [{ ...lot, left, held: 0n }]
  if (rollover !== null && rolled > 0n) {
    const source = lot.kind === "included" ? "rollover" : lot.source
    const outlives = rollover.renewals - 1
    lots.push({ ...lot, id: rollover.lot, left: rolled, held: 0n, expiresAt: null, source, outlives })
  }
  const gone = replaced.filter(({ held }) => held === 0n)
  if (state.lots.length - gone.length + lots.filter(isLive).length > mostLots) return tooMany
  const shares = replaced.map(({ id, left }) => ({ lot: id, amount: left }))
  return Result.succeed([{ _tag: "Renewed", amount: lot.left, at, replaced: shares, lots, ...absorbed }])
}

/** A lot that is not effective yet pays nothing. */
const pay = (state: State, { left, effectiveAt }: Lot, at: Instant) => {
  if (effectiveAt > at) return { debt: 0n, overdraft: 0n, left }
  const debt = Credits.min(state.debt, left)
  const overdraft = Credits.min(state.overdraft.used, left - debt)
  return { debt, overdraft, left: left - debt - overdraft }
}

/** A lot's cost has to fit in 64 bits, too. */
const isTooDear = ({ unitCost }: Lot, amount: Credits.Credits): boolean => Rate.costOf(unitCost, amount) > mostCredits

const tooMany: Decision = Result.fail({ _tag: "TooManyLots", most: mostLots })
const tooLarge: Decision = Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
