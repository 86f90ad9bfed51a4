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
 * partial; a hold's portions cannot end before it is settled; every credit that came is left, held, spent, lapsed or
 * revoked.
 */
import { Result } from "effect"
import type * as Credits from "./Credits.ts"
import type { Instant } from "./Instant.ts"
import { type Ask, boundless, burn, type Burned } from "./wallet/Burn.ts"
import type { Command, Decision, Of, Refusal, Spend } from "./wallet/Command.ts"
import type { Event } from "./wallet/Event.ts"
import { grant, renew } from "./wallet/Grant.ts"
import { isExpired } from "./wallet/Lot.ts"
import { type Portions, slice, total } from "./wallet/Portion.ts"
import { reverse } from "./wallet/Reverse.ts"
import { revoke, withdraw } from "./wallet/Revoke.ts"
import { isTooLarge, mostCredits, type State } from "./wallet/State.ts"

export { burn, type Headroom, isSpendable, prepaid, type Terms } from "./wallet/Burn.ts"
export { type Command, Refusal, type Regrant, type Rollover } from "./wallet/Command.ts"
export { Event, evolve } from "./wallet/Event.ts"
export { burnOrder, isExpired, Kind, Lot } from "./wallet/Lot.ts"
export { cost, Portion, type Portions, slice, total } from "./wallet/Portion.ts"
export { origins } from "./wallet/Reverse.ts"
export { lapsedOf } from "./wallet/Revoke.ts"
export { balance, held, initial, level, mostCredits, mostLots, State } from "./wallet/State.ts"

export const decide = (state: State, command: Command): Decision => {
  switch (command._tag) {
    case "Debit": {
      const spent = spend(state, command)
      if (Result.isFailure(spent)) return Result.fail(spent.failure)
      const { portions, missing } = spent.success
      return Result.succeed([{ _tag: "Debited", amount: command.amount - missing, portions }])
    }
    case "Reserve": {
      const { hold, expiresAt } = command
      return Result.map(spend(state, command), ({ portions, missing }) => [
        { _tag: "Reserved", hold, amount: command.amount - missing, portions, expiresAt }
      ])
    }
    case "Capture":
      return capture(state, command)
    case "Release": {
      const { hold, why, portions } = command
      const returned = giveBack(state, portions, command.at)
      return Result.succeed([{ _tag: "Released", hold, amount: total(portions), ...returned, why }])
    }
    case "Grant":
      return grant(state, command)
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
    case "Owe": {
      const { amount } = command
      if (isTooLarge(state, state.debt + amount)) return Result.fail({ _tag: "BalanceTooLarge", most: mostCredits })
      return Result.succeed(amount <= 0n ? [] : [{ _tag: "Owed", amount }])
    }
    case "Revoke":
      return revoke(state, command)
    case "Withdraw":
      return withdraw(state, command)
    case "CloseOverage": {
      const { used, cost } = state.overage
      return Result.succeed(used === 0n ? [] : [{ _tag: "OverageClosed", amount: used, cost }])
    }
  }
}

/** What could be spent now: of lots, overdraft and overage, within the caps. */
export const available = (state: State, ask: Omit<Ask, "amount">): Credits.Credits =>
  total(burn(state, { ...ask, amount: mostCredits }).portions)

const spend = (state: State, ask: Spend): Result.Result<Burned, Refusal> => {
  const burned = burn(state, ask)
  const { portions, missing, capped } = burned
  if (missing === 0n || (ask.allowPartial && portions.length > 0)) return Result.succeed(burned)
  const available = ask.amount - missing
  // Where a part would do, and there is one, it is caps that kept it back.
  return Result.fail(
    (ask.allowPartial ? capped === 0n : capped < missing)
      ? { _tag: "InsufficientCredits", asked: ask.amount, available: available + capped, missing: missing - capped }
      : { _tag: "Capped", asked: ask.amount, available, portions, scope: boundBy(state, ask) }
  )
}

/**
 * The scope whose caps alone would refuse; of several, the one that lets least through. Where only some together refuse,
 * one without which more would pass.
 */
const boundBy = (state: State, ask: Ask): "all" | "billed" | "extra" => {
  const { all, billed, charged } = ask.headroom
  const missing = (headroom: Partial<typeof ask.headroom>) =>
    burn(state, { ...ask, headroom: { ...boundless, ...headroom } }).missing
  const alone = { all: missing({ all }), extra: missing({ charged }), billed: missing({ billed }) }
  if (alone.billed > alone.extra && alone.billed >= alone.all) return "billed"
  if (alone.all > alone.extra) return "all"
  if (alone.extra > 0n) return "extra"
  return missing({ all, charged }) < missing({ all, charged, billed }) ? "billed" : "extra"
}

const capture = (state: State, command: Of<"Capture">): Decision => {
  const { hold, amount, at } = command
  const held = total(command.portions)
  const portions = slice(command.portions, 0n, amount)
  const returned = giveBack(state, slice(command.portions, amount, held), at)
  const captured = (excess: Portions): ReadonlyArray<Event> => [
    { _tag: "Captured", hold, amount: total(portions) + total(excess), portions, excess, ...returned }
  ]
  if (amount <= held) return Result.succeed(captured([]))
  const excess = spend(state, { ...command, amount: amount - held })
  if (Result.isSuccess(excess)) return Result.succeed(captured(excess.success.portions))
  return command.allowPartial ? Result.succeed(captured([])) : Result.fail(withHeld(excess.failure, held))
}

/** A refusal of the excess, told of the whole. */
const withHeld = (refusal: Refusal, held: Credits.Credits): Refusal =>
  refusal._tag === "InsufficientCredits" || refusal._tag === "Capped"
    ? { ...refusal, asked: refusal.asked + held, available: refusal.available + held }
    : refusal

/** Held portions go back to their lots, but for those whose lot has ended meanwhile. */
const giveBack = (
  state: State,
  portions: Portions,
  at: Instant
): { readonly back: Portions; readonly lapsed: Portions } => {
  const ended = new Set(state.lots.filter((lot) => isExpired(lot, at)).map(({ id }) => id))
  return {
    back: portions.filter(({ from }) => !ended.has(from)),
    lapsed: portions.filter(({ from }) => ended.has(from))
  }
}
