/**
 * What a decision makes known of the level of a wallet: what its lots have left that may be spent now. Holds are not in
 * it, nor what is owed.
 *
 * A notice is given on the edge, and again only after the level has been back. A crossing is a level that falls below the
 * threshold, or a debit refused for want of credits; while more is on its way, there is no other.
 */
import type { Credits } from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import * as Wallet from "../Wallet.ts"
import type { Branch } from "./Branch.ts"
import type { Event } from "./Event.ts"
import type { Refusal } from "./Refusal.ts"
import type { Recharge } from "./Watch.ts"

export const watched = (branch: Branch, events: ReadonlyArray<Event>, at: Instant): ReadonlyArray<Event> => {
  const { payer: client, watch } = branch
  const [posted] = events
  if (watch === null || posted?._tag !== "Posted") return []
  const { low, notice, recharge } = watch
  const { level, lowered } = after(branch.wallet, posted.entry, at)
  if (!lowered)
    return notice === "none" || level <= 0n || (low !== null && level < low)
      ? []
      : [{ _tag: "BalanceRestored", client, level }]
  const more: Array<Event> = []
  if (level <= 0n ? notice !== "out" : notice === "none" && low !== null && level < low)
    more.push({ _tag: "BalanceNoticed", client, notice: level <= 0n ? "out" : "low", level })
  if (recharge?.phase === "armed" && level < recharge.threshold) more.push(wanted(client, recharge, level, 0n, at))
  return more
}

/** What a refusal makes of the recharge. What was lacking while more is on its way is remembered, too. */
export const unmet = (branch: Branch, refusal: Refusal, at: Instant): ReadonlyArray<Event> => {
  const { payer: client, wallet, watch } = branch
  const recharge = watch?.recharge ?? null
  if (recharge === null || branch.former || refusal._tag !== "InsufficientCredits") return []
  const level = Wallet.level(wallet, at)
  if (recharge.phase === "armed") return [wanted(client, recharge, level, refusal.missing, at)]
  const target = level + refusal.missing
  return recharge.phase === "stopped" || target <= recharge.target
    ? []
    : [{ _tag: "RechargeFellShort", client, target }]
}

/** The refusal, told of the recharge as it stands after it. */
export const withRecharge = (branch: Branch, refusal: Refusal, at: Instant): Refusal => {
  const recharge = branch.watch?.recharge ?? null
  if (recharge === null || branch.former || refusal._tag !== "InsufficientCredits") return refusal
  const { phase, crossing, reason, dueAt } = recharge
  const standing =
    phase === "armed"
      ? { phase: "wanted" as const, crossing: crossing + 1, reason: null, dueAt: at }
      : { phase, crossing, reason, dueAt }
  return { ...refusal, recharge: standing }
}

const wanted = (client: string, recharge: Recharge, level: Credits, shortfall: Credits, at: Instant): Event => ({
  _tag: "RechargeWanted",
  client,
  crossing: recharge.crossing + 1,
  shortfall,
  target: shortfall === 0n ? 0n : level + shortfall,
  at
})

/** The level that an entry leaves, and whether it took from it. */
const after = (
  wallet: Wallet.State,
  entry: Wallet.Event,
  at: Instant
): { readonly level: Credits; readonly lowered: boolean } => {
  switch (entry._tag) {
    case "Debited":
    case "Reserved": {
      const taken = ofLots(entry.portions)
      return { level: Wallet.level(wallet, at) - taken, lowered: taken > 0n }
    }
    case "Captured": {
      const taken = ofLots(entry.excess)
      return { level: Wallet.level(wallet, at) - taken + ofLots(entry.back), lowered: taken > 0n }
    }
    case "Expired":
    case "Granted":
    case "OverageClosed":
    case "Owed":
    case "Released":
    case "Renewed":
    case "Reversed":
    case "Revoked": {
      const before = Wallet.level(wallet, at)
      const level = Wallet.level(Wallet.evolve(wallet, entry), at)
      return { level, lowered: level < before || entry._tag === "Expired" }
    }
  }
}

/** What portions take of lots, and not of what is beyond them. */
const ofLots = (portions: Wallet.Portions): Credits => {
  let sum = 0n
  for (const { amount, from } of portions)
    if (from !== "overage" && from !== "overdraft" && from !== "unlimited" && from !== "overage_elsewhere")
      sum += amount
  return sum
}
