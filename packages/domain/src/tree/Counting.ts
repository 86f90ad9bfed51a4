/**
 * How entries count in the windows of caps. A hold and its settlement count where the hold was made, also after that
 * window has turned; whatever is spent anew counts in the present one; what is given back goes back where it counted.
 */
import type { Credits } from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import * as SpendingCap from "../SpendingCap.ts"
import * as Wallet from "../Wallet.ts"
import type { Count, Place } from "./Branch.ts"

type Counters = ReadonlyArray<SpendingCap.Counter>

const countersAt = (counters: Counters, at: Instant): Counters => {
  for (const { window } of counters)
    if (!SpendingCap.isCurrent(window, at)) return counters.map((counter) => SpendingCap.at(counter, at))
  return counters
}

/** Those that count what a member spends on a meter, as they stand at an instant. */
export const countersOf = (counters: Counters, at: Instant, member: string | null, meter: string | null): Counters => {
  for (const { cap } of counters)
    if (!SpendingCap.counts(cap, member, meter))
      return countersAt(
        counters.filter(({ cap }) => SpendingCap.counts(cap, member, meter)),
        at
      )
  return countersAt(counters, at)
}

/** What portions count in the present windows; caps that they cost nothing are not in it. */
export const counted = (counters: Counters, portions: Wallet.Portions, as: "held" | "used"): ReadonlyArray<Count> => {
  const counts: Array<Count> = []
  const all = Wallet.cost(portions, "all")
  if (all === 0n) return counts
  const extra = Wallet.cost(portions, "extra")
  for (const { cap, window } of counters) {
    const { id, scope } = cap
    const cost = scope === "all" ? all : scope === "extra" ? extra : Wallet.cost(portions, "billed")
    if (cost === 0n) continue
    const used = as === "used" ? cost : 0n
    const held = as === "held" ? cost : 0n
    counts.push({ cap: id, start: window.start, end: window.end, scope, used, held })
  }
  return counts
}

/** What a hold's portions held no longer is; what was captured of them is used. */
export const settled = (
  places: ReadonlyArray<Place>,
  held: Wallet.Portions,
  captured: Wallet.Portions
): ReadonlyArray<Count> =>
  places.map(({ cap, start, end, scope }) => {
    const used = Wallet.cost(captured, scope)
    return { cap, start, end, scope, used, held: -Wallet.cost(held, scope) }
  })

/** One count for each window. */
export const merged = (counts: ReadonlyArray<Count>): ReadonlyArray<Count> => {
  const merged: Array<Count> = []
  for (const count of counts) {
    const i = merged.findIndex(({ cap, start }) => cap === count.cap && start === count.start)
    const same = merged[i]
    if (same === undefined) merged.push(count)
    else merged[i] = { ...same, used: same.used + count.used, held: same.held + count.held }
  }
  return merged
}

/**
 * What the credits from one offset to another of a debit, the last first, counted. Where a cap counted it in two windows,
 * the excess of a capture in the later one, that one is given back first.
 */
export const given = (
  portions: Wallet.Portions,
  counts: ReadonlyArray<Count>,
  from: Credits,
  to: Credits
): ReadonlyArray<Count> => {
  const costUpTo = (offset: Credits, count: Count) => {
    let cost = Wallet.cost(Wallet.slice(portions, 0n, offset), count.scope)
    for (const { cap, start, used } of counts) if (cap === count.cap && start > count.start) cost -= used
    return cost < 0n ? 0n : cost < count.used ? cost : count.used
  }
  return counts.flatMap((count) => {
    const used = costUpTo(from, count) - costUpTo(to, count)
    return used === 0n ? [] : [{ ...count, used, held: 0n }]
  })
}

/**
 * Counters after some counts. One that takes nothing back was made in its cap's present window, and so may be what opens
 * it; others concern the present window, or one that has passed and is not of the branch.
 */
export const applied = (counters: Counters, counts: ReadonlyArray<Count>): Counters =>
  counts.length === 0 ? counters : counters.map((counter) => afterAll(counter, counts))

const afterAll = (counter: SpendingCap.Counter, counts: ReadonlyArray<Count>): SpendingCap.Counter => {
  let after = counter
  for (const count of counts) if (count.cap === counter.cap.id) after = counting(after, count)
  return after
}

const counting = ({ cap, window }: SpendingCap.Counter, count: Count): SpendingCap.Counter => {
  const { start, end } = count
  if (start === window.start) {
    const { forecast, told } = window
    const used = window.used + count.used
    const held = window.held + count.held
    return { cap, window: { cap: cap.id, start, end: window.end, used, held, told, forecast } }
  }
  if (count.used < 0n || count.held < 0n) return { cap, window }
  return { cap, window: { cap: cap.id, start, end, used: count.used, held: count.held, told: 0, forecast: false } }
}
