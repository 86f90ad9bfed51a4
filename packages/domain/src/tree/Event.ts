/** What happens to a branch, and what each event makes of it. */
import { Schema } from "effect"
import * as ClientLifecycle from "../ClientLifecycle.ts"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import * as SpendingCap from "../SpendingCap.ts"
import * as Wallet from "../Wallet.ts"
import { type Branch, Count, Hold, type Member, Outcome } from "./Branch.ts"
import { applied } from "./Counting.ts"
import { Notice, type Recharge } from "./Watch.ts"

export const Event = Schema.TaggedUnion({
  Posted: { entry: Wallet.Event, counts: Schema.Array(Count) },
  HoldOpened: { hold: Hold },
  HoldSettled: { hold: Id, outcome: Outcome, captured: Credits.Amount },
  /** Once per window and threshold, on the edge. */
  ThresholdReached: { client: Id, cap: Id, start: Instant, percent: Schema.Int, used: Cost, limit: Cost },
  /** Once per window, on the edge: it will pass its limit before it ends, at the rate it is spent at. */
  LimitForecast: { client: Id, cap: Id, start: Instant, used: Cost, limit: Cost, projectedAt: Instant },
  CapSet: { cap: SpendingCap.State, at: Instant },
  /** Its next window starts early, and ends where this one would have. */
  WindowReset: { cap: Id, at: Instant },
  CapRemoved: { cap: Id, at: Instant },
  LifecycleChanged: { client: Id, change: ClientLifecycle.Event },
  /** The level of a payer's wallet has fallen, so far that it is told of: once, until it is back. */
  BalanceNoticed: { client: Id, notice: Notice, level: Credits.Credits },
  BalanceRestored: { client: Id, level: Credits.Credits },
  /** A crossing: `target` is the level at which a refused debit would have passed, and 0 where none was. */
  RechargeWanted: { client: Id, crossing: Schema.Natural, shortfall: Credits.Sum, target: Credits.Sum, at: Instant },
  /** A debit was refused while more is on its way already. */
  RechargeFellShort: { client: Id, target: Credits.Sum }
})
export type Event = typeof Event.Type

export const evolve = (branch: Branch, event: Event): Branch => {
  switch (event._tag) {
    case "Posted": {
      const { former, holds, line, payer, policy, terms, watch } = branch
      const wallet = Wallet.evolve(branch.wallet, event.entry)
      const counters = applied(branch.counters, event.counts)
      return { line, payer, former, terms, policy, wallet, counters, watch, holds }
    }
    case "HoldOpened":
      return { ...branch, holds: [...branch.holds, event.hold] }
    case "HoldSettled": {
      const { hold: id, outcome } = event
      return { ...branch, holds: branch.holds.map((hold) => (hold.id === id ? { ...hold, outcome } : hold)) }
    }
    case "ThresholdReached": {
      const { cap: id, percent: told, start } = event
      const tell = (counter: SpendingCap.Counter): SpendingCap.Counter => {
        const { cap, window } = counter
        return cap.id === id && window.start === start ? { cap, window: { ...window, told } } : counter
      }
      return { ...branch, counters: branch.counters.map(tell) }
    }
    case "CapSet": {
      const { at, cap } = event
      const i = branch.counters.findIndex((counter) => counter.cap.id === cap.id)
      const counter = SpendingCap.set(branch.counters[i] ?? { cap, window: SpendingCap.open(cap, at) }, cap, at)
      return { ...branch, counters: i < 0 ? [...branch.counters, counter] : branch.counters.with(i, counter) }
    }
    case "LimitForecast": {
      const tell = (counter: SpendingCap.Counter): SpendingCap.Counter => {
        const { cap, window } = counter
        return cap.id === event.cap && window.start === event.start
          ? { cap, window: { ...window, forecast: true } }
          : counter
      }
      return { ...branch, counters: branch.counters.map(tell) }
    }
    case "WindowReset": {
      const { at, cap: id } = event
      const reset = (counter: SpendingCap.Counter): SpendingCap.Counter =>
        counter.cap.id === id ? SpendingCap.reset(SpendingCap.at(counter, at), at) : counter
      return { ...branch, counters: branch.counters.map(reset) }
    }
    case "CapRemoved":
      return { ...branch, counters: branch.counters.filter(({ cap: { id } }) => id !== event.cap) }
    case "LifecycleChanged": {
      const changed = (member: Member): Member =>
        member.id === event.client
          ? { ...member, lifecycle: ClientLifecycle.evolve(member.lifecycle, event.change) }
          : member
      const [spender, ...ancestors] = branch.line
      return { ...branch, line: [changed(spender), ...ancestors.map(changed)] }
    }
    case "BalanceNoticed":
      return branch.watch === null ? branch : { ...branch, watch: { ...branch.watch, notice: event.notice } }
    case "BalanceRestored":
      return branch.watch === null ? branch : { ...branch, watch: { ...branch.watch, notice: "none" } }
    case "RechargeWanted": {
      const { at: dueAt, crossing, target } = event
      return recharging(branch, { phase: "wanted", crossing, target, reason: null, dueAt })
    }
    case "RechargeFellShort":
      return recharging(branch, { target: event.target })
  }
}

const recharging = (branch: Branch, change: Partial<Recharge>): Branch => {
  const { watch } = branch
  return watch === null || watch.recharge === null
    ? branch
    : { ...branch, watch: { ...watch, recharge: { ...watch.recharge, ...change } } }
}
