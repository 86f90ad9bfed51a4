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

export const Event = Schema.TaggedUnion({
  Posted: { entry: Wallet.Event, counts: Schema.Array(Count) },
  HoldOpened: { hold: Hold },
  HoldSettled: { hold: Id, outcome: Outcome, captured: Credits.Amount },
  /** Once per window and threshold, on the edge. */
  ThresholdReached: { client: Id, cap: Id, start: Instant, percent: Schema.Int, used: Cost, limit: Cost },
  CapSet: { cap: SpendingCap.State, at: Instant },
  LifecycleChanged: { client: Id, change: ClientLifecycle.Event }
})
export type Event = typeof Event.Type

export const evolve = (branch: Branch, event: Event): Branch => {
  switch (event._tag) {
    case "Posted": {
      const { holds, line, payer, policy, terms } = branch
      const wallet = Wallet.evolve(branch.wallet, event.entry)
      return { line, payer, terms, policy, wallet, counters: applied(branch.counters, event.counts), holds }
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
    case "LifecycleChanged": {
      const changed = (member: Member): Member =>
        member.id === event.client
          ? { ...member, lifecycle: ClientLifecycle.evolve(member.lifecycle, event.change) }
          : member
      const [spender, ...ancestors] = branch.line
      return { ...branch, line: [changed(spender), ...ancestors.map(changed)] }
    }
  }
}
