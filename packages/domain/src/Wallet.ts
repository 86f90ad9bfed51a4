/**
 * Credits a client holds, lot by lot, and what it owes beyond them.
 *
 *   Grant, Renew ──▶ left ──Debit──▶ spent ──Reverse──▶ left
 *                     │ ▲ └─Expire─▶ lapsed
 *             Reserve │ │ Release
 *                     ▼ │
 *                    held ──Capture──▶ spent
 *
 * Its events are the entries of the ledger: replaying them gives the row. A debit is all or nothing unless it may be
 * partial; a hold's portions cannot end before it is settled; every credit that came is left, held, spent or lapsed.
 */
import { Result, Schema } from "effect"
import * as Credits from "./Credits.ts"
import type { Id } from "./Id.ts"
import type { Instant } from "./Instant.ts"
import * as Rate from "./Rate.ts"
import { type Ask, burn, type Headroom, type Terms } from "./wallet/Burn.ts"
import type { Event } from "./wallet/Event.ts"
import { isAlike, isExpired, type Lot } from "./wallet/Lot.ts"
import { Portion, type Portions, slice, total } from "./wallet/Portion.ts"
import type { State } from "./wallet/State.ts"

export { burn, type Headroom, isSpendable, prepaid, type Terms } from "./wallet/Burn.ts"
export { Event, evolve } from "./wallet/Event.ts"
export { isExpired, Kind, Lot } from "./wallet/Lot.ts"
export { cost, Portion, type Portions, slice, total } from "./wallet/Portion.ts"
export { balance, held, initial, State } from "./wallet/State.ts"

/** The most live lots of a wallet: it is one row, read and written whole. */
export const mostLots = 64
/** The most credits that a wallet may hold, which keeps every sum within 64 bits. */
export const mostCredits = 1_000_000_000_000_000_000n

interface Spend {
  readonly amount: Credits.Credits
  readonly feature: string | null
  /** Take what there is rather than refuse. */
  readonly allowPartial: boolean
  readonly use: Ask["use"]
  readonly terms: Terms
  readonly headroom: Headroom
  readonly at: Instant
}

/** `min(max, max(left, min))` of a replaced lot lives on as one lot, for so many renewals. */
export interface Rollover {
  readonly min: Credits.Credits
  readonly max: Credits.Credits
  readonly renewals: number
  readonly lot: Id
}

export type Command =
  | ({ readonly _tag: "Debit" } & Spend)
  | ({ readonly _tag: "Reserve"; readonly hold: Id; readonly expiresAt: Instant } & Spend)
  /** Up to what is held always succeeds; the excess is a debit now. */
  | ({ readonly _tag: "Capture"; readonly hold: Id; readonly portions: Portions } & Spend)
  | {
      readonly _tag: "Release"
      readonly hold: Id
      readonly portions: Portions
      readonly why: "released" | "expired"
      readonly at: Instant
    }
  | { readonly _tag: "Grant"; readonly lot: Lot; readonly at: Instant }
  | { readonly _tag: "Expire"; readonly at: Instant }
  /** `lot` replaces the present lots of its sort: the included ones, or the promo allowance. */
  | { readonly _tag: "Renew"; readonly lot: Lot; readonly rollover: Rollover | null; readonly at: Instant }
  /**
   * Gives portions of a debit back: to their lots, to those of `origins` that are spent but not ended, or, where a lot
   * has ended, to the lot `regrant` (null lets that share lapse).
   */
  | {
      readonly _tag: "Reverse"
      readonly debit: number
      readonly portions: Portions
      readonly origins: ReadonlyArray<Lot>
      readonly regrant: { readonly lot: Id; readonly expiresAt: Instant | null } | null
      readonly at: Instant
    }
  | { readonly _tag: "Owe"; readonly amount: Credits.Credits }
  /** The period-end order has invoiced the overage. */
  | { readonly _tag: "CloseOverage" }

export const Refusal = Schema.TaggedUnion({
  InsufficientCredits: { asked: Credits.Credits, available: Credits.Credits, missing: Credits.Credits },
  /** Credits would cover it, but a cap keeps back so many of them. */
  Capped: { asked: Credits.Credits, available: Credits.Credits, portions: Schema.Array(Portion) },
  TooManyLots: { most: Schema.Natural },
  BalanceTooLarge: { most: Credits.Credits }
})
export type Refusal = typeof Refusal.Type

type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export const decide = (state: State, command: Command): Decision => {
  switch (command._tag) {
    case "Debit":
      return Result.map(spend(state, command), (portions) => [{ _tag: "Debited", amount: total(portions), portions }])
    case "Reserve":
      return Result.map(spend(state, command), (portions) => [
        { _tag: "Reserved", hold: command.hold, amount: total(portions), portions, expiresAt: command.expiresAt }
      ])
    case "Capture":
      return capture(state, command)
    case "Release": {
      const { hold, why } = command
      const returned = giveBack(state, command.portions, command.at)
      return Result.succeed([{ _tag: "Released", hold, amount: total(command.portions), ...returned, why }])
    }
    case "Grant":
      return grant(state, command.lot, command.at)
    case "Expire": {
      const lots = state.lots
        .filter((lot) => lot.left > 0n && isExpired(lot, command.at))
        .map(({ id, left }) => ({ lot: id, amount: left }))
      const amount = lots.reduce((sum, lot) => sum + lot.amount, 0n)
      return Result.succeed(amount === 0n ? [] : [{ _tag: "Expired", amount, lots }])
    }
    case "Renew":
      return renew(state, command)
    case "Reverse":
      return reverse(state, command)
    case "Owe":
      return Result.succeed([{ _tag: "Owed", amount: command.amount }])
    case "CloseOverage":
      return Result.succeed(
        state.overage.used === 0n ? [] : [{ _tag: "OverageClosed", amount: state.overage.used }]
      )
  }
}

/** What could be spent now: of lots, overdraft and overage, within the caps. */
export const available = (state: State, ask: Omit<Ask, "amount">): Credits.Credits =>
  total(burn(state, { ...ask, amount: mostCredits }).portions)

const spend = (state: State, ask: Spend): Result.Result<Portions, Refusal> => {
  const { portions, missing, capped } = burn(state, ask)
  if (missing === 0n || (ask.allowPartial && portions.length > 0)) return Result.succeed(portions)
  const available = ask.amount - missing
  return Result.fail(
    capped < missing
      ? { _tag: "InsufficientCredits", asked: ask.amount, available: available + capped, missing: missing - capped }
      : { _tag: "Capped", asked: ask.amount, available, portions }
  )
}

const capture = (state: State, command: Command & { readonly _tag: "Capture" }): Decision => {
  const { hold, amount, at } = command
  const held = total(command.portions)
  const portions = slice(command.portions, 0n, amount)
  const returned = giveBack(state, slice(command.portions, amount, held), at)
  const captured = (excess: Portions): ReadonlyArray<Event> => [
    { _tag: "Captured", hold, amount: total(portions) + total(excess), portions, excess, ...returned }
  ]
  if (amount <= held) return Result.succeed(captured([]))
  const excess = spend(state, { ...command, amount: amount - held })
  if (Result.isSuccess(excess)) return Result.succeed(captured(excess.success))
  return command.allowPartial ? Result.succeed(captured([])) : Result.fail(excess.failure)
}

/** Held portions go back to their lots, but for those whose lot has ended meanwhile. */
const giveBack = (state: State, portions: Portions, at: Instant): { readonly back: Portions; readonly lapsed: Portions } => {
  const ended = new Set(state.lots.filter((lot) => isExpired(lot, at)).map(({ id }) => id))
  return {
    back: portions.filter(({ from }) => !ended.has(from)),
    lapsed: portions.filter(({ from }) => ended.has(from))
  }
}

/** What is owed is paid first: debt, then overdraft. */
const pay = (state: State, amount: Credits.Credits) => {
  const debt = Credits.min(state.debt, amount)
  const overdraft = Credits.min(state.overdraft.used, amount - debt)
  return { debt, overdraft, left: amount - debt - overdraft }
}

const grant = (state: State, lot: Lot, at: Instant): Decision => {
  const { left, ...absorbed } = lot.effectiveAt <= at ? pay(state, lot.left) : { debt: 0n, overdraft: 0n, left: lot.left }
  const alike = state.lots.find((other) => isAlike(other, lot, at))
  if (alike === undefined && state.lots.length >= mostLots) return Result.fail({ _tag: "TooManyLots", most: mostLots })
  if (isTooLarge(state, lot.left)) return Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
  const merged = alike === undefined ? lot : { ...lot, id: alike.id, effectiveAt: alike.effectiveAt }
  return Result.succeed([{ _tag: "Granted", amount: lot.left, lot: { ...merged, left, held: 0n }, ...absorbed }])
}

const renew = (state: State, { lot, rollover, at }: Command & { readonly _tag: "Renew" }): Decision => {
  const sort = state.lots.filter(({ kind, allowance }) => kind === lot.kind && (kind === "included" || allowance))
  const replaced = sort.filter(({ outlives }) => outlives === null || outlives === 0)
  const unspent = replaced
    .filter((old) => old.outlives === null && !isExpired(old, at))
    .reduce((sum, { left }) => sum + left, 0n)
  const rolled = rollover === null ? 0n : Credits.min(rollover.max, Credits.max(unspent, rollover.min))
  if (isTooLarge(state, lot.left + rolled)) return Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
  const { left, ...absorbed } = pay(state, lot.left)
  const fresh = { ...lot, left, held: 0n }
  const kept = { ...lot, id: rollover?.lot ?? lot.id, left: rolled, held: 0n, expiresAt: null, source: "rollover" }
  return Result.succeed([
    {
      _tag: "Renewed",
      amount: lot.left,
      at,
      replaced: replaced.map(({ id, left }) => ({ lot: id, amount: left })),
      lots: rollover === null || rolled === 0n ? [fresh] : [fresh, { ...kept, outlives: rollover.renewals - 1 }],
      ...absorbed
    }
  ])
}

const reverse = (state: State, command: Command & { readonly _tag: "Reverse" }): Decision => {
  const { debit, portions, origins, regrant, at } = command
  const open = new Set(state.lots.filter((lot) => !isExpired(lot, at)).map(({ id }) => id))
  const spent = origins.filter((lot) => !state.lots.some(({ id }) => id === lot.id) && !isExpired(lot, at))
  const revived = spent
    .filter(({ id }) => portions.some(({ from }) => from === id))
    .map((lot) => ({ ...lot, left: 0n, held: 0n }))
  for (const { id } of revived) open.add(id)
  const back = portions.flatMap((portion) => {
    if (portion.from === "overage" || portion.from === "overdraft")
      return slice([portion], 0n, state[portion.from].used)
    return open.has(portion.from) ? [portion] : []
  })
  const owed = portions.filter(({ from }) => from !== "unlimited")
  const amount = total(owed) - total(back)
  const ended = owed.filter(({ from }) => !open.has(from))
  const regranted = regrant === null || amount === 0n ? null : share(ended, amount, regrant, at)
  if (state.lots.length + revived.length + (regranted === null ? 0 : 1) > mostLots)
    return Result.fail({ _tag: "TooManyLots", most: mostLots })
  return Result.succeed([
    { _tag: "Reversed", debit, amount: total(portions), portions, back, revived, regranted }
  ])
}

/** The lot that stands for the share of lots that have ended: what cost extra stays bought, the rest is a one-off promo. */
const share = (
  ended: Portions,
  amount: Credits.Credits,
  { lot, expiresAt }: { readonly lot: Id; readonly expiresAt: Instant | null },
  at: Instant
): Lot => ({
  id: lot,
  kind: ended.some(({ charged }) => charged) ? "extra" : "promo",
  left: amount,
  held: 0n,
  priority: 0,
  effectiveAt: at,
  expiresAt,
  unitCost: Rate.of(ended.reduce((sum, { cost }) => sum + cost, 0n), total(ended)),
  source: "reversal",
  allowance: false,
  outlives: null,
  features: null
})

const isTooLarge = (state: State, amount: Credits.Credits): boolean =>
  state.lots.reduce((sum, { left, held }) => sum + left + held, amount) > mostCredits
