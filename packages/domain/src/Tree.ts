/**
 * The aggregate of spending: what may be debited from a client, decided in one place.
 *
 *   root ── its caps ─┐
 *    └─ parent ── its caps ─┤ every hard cap of the line has room,
 *        └─ client ── its caps ─┘ nobody on the line is suspended,
 *               └─ payer's wallet ── and its lots cover what no cap keeps back
 *
 * A decision reads one branch of the tree and names everything it changes: the wallet's entry and the windows it counts
 * in, together. Every spending command of the product goes through here.
 */
import { Result, Schema } from "effect"
import * as ClientLifecycle from "./ClientLifecycle.ts"
import { Cost } from "./Cost.ts"
import * as Credits from "./Credits.ts"
import { Id } from "./Id.ts"
import { Instant } from "./Instant.ts"
import * as SpendingCap from "./SpendingCap.ts"
import * as Subscription from "./Subscription.ts"
import { type Branch, Count, Hold, type Member, Outcome } from "./tree/Branch.ts"
import * as Wallet from "./Wallet.ts"

export { type Branch, Count, Hold, type Member, Outcome, Place } from "./tree/Branch.ts"

interface Spend {
  readonly amount: Credits.Credits
  readonly feature: string | null
  readonly allowPartial: boolean
  readonly at: Instant
}

/** A debit as the ledger has it, less what earlier reversals gave back. */
export interface Debit {
  readonly seq: number
  readonly portions: Wallet.Portions
  readonly counts: ReadonlyArray<Count>
  readonly reversed: Credits.Credits
}

export type Command =
  | ({ readonly _tag: "Debit" } & Spend)
  | ({ readonly _tag: "Reserve"; readonly hold: Id; readonly expiresAt: Instant } & Spend)
  | ({ readonly _tag: "Capture"; readonly hold: Id } & Spend)
  | { readonly _tag: "Release"; readonly hold: Id; readonly at: Instant }
  /** Settles a hold whose time is over; before it, nothing. */
  | { readonly _tag: "Lapse"; readonly hold: Id; readonly at: Instant }
  | { readonly _tag: "Grant"; readonly lot: Wallet.Lot; readonly at: Instant }
  | { readonly _tag: "Renew"; readonly lot: Wallet.Lot; readonly rollover: Wallet.Rollover | null; readonly at: Instant }
  | { readonly _tag: "Expire"; readonly at: Instant }
  /** Gives back a debit, the credits taken last first; all that is left of it where `amount` is null. */
  | {
      readonly _tag: "Reverse"
      readonly debit: Debit
      readonly amount: Credits.Credits | null
      readonly origins: ReadonlyArray<Wallet.Lot>
      readonly regrant: { readonly lot: Id; readonly expiresAt: Instant | null } | null
      readonly at: Instant
    }
  | { readonly _tag: "Owe"; readonly amount: Credits.Credits; readonly at: Instant }
  | { readonly _tag: "CloseOverage"; readonly at: Instant }
  | { readonly _tag: "SetCap"; readonly cap: SpendingCap.State; readonly at: Instant }
  /** Of the branch's own client. */
  | { readonly _tag: "ChangeLifecycle"; readonly command: ClientLifecycle.Command; readonly at: Instant }

export const Event = Schema.TaggedUnion({
  Posted: { entry: Wallet.Event, counts: Schema.Array(Count) },
  HoldOpened: { hold: Hold },
  HoldSettled: { hold: Id, outcome: Outcome, captured: Credits.Amount },
  /** Once per window and threshold, on the edge. */
  ThresholdReached: { client: Id, cap: Id, start: Instant, percent: Schema.Int, used: Cost, limit: Cost },
  CapSet: { cap: SpendingCap.State },
  LifecycleChanged: { client: Id, change: ClientLifecycle.Event }
})
export type Event = typeof Event.Type

export const Refusal = Schema.TaggedUnion({
  ClientNotOnboarded: { client: Id },
  ClientSuspended: { client: Id, causes: Schema.Array(ClientLifecycle.Cause) },
  AncestorSuspended: { client: Id, ancestor: Id, causes: Schema.Array(ClientLifecycle.Cause) },
  ClientClosed: { client: Id, at: Instant },
  SubscriptionNotPaid: { client: Id },
  SubscriptionPaused: { client: Id },
  SubscriptionCanceled: { client: Id },
  GraceEnded: { client: Id, at: Schema.NullOr(Instant) },
  InsufficientCredits: { asked: Credits.Credits, available: Credits.Credits, missing: Credits.Credits },
  /** Credits would cover it; this cap has the least room. `available` is what all caps together would still let through. */
  SpendingCapReached: {
    cap: Id,
    name: Schema.String,
    client: Id,
    asked: Credits.Credits,
    available: Credits.Credits,
    limit: Cost,
    used: Cost,
    held: Cost,
    resetsAt: Schema.NullOr(Instant)
  },
  HoldNotFound: { hold: Id },
  HoldSettled: { hold: Id, outcome: Outcome },
  HoldEndsInThePast: { expiresAt: Instant },
  NotReversible: { reversible: Credits.Credits },
  TooManyLots: { most: Schema.Natural },
  BalanceTooLarge: { most: Credits.Credits },
  AlreadyOnboarded: { client: Id, at: Instant },
  AlreadySuspended: { client: Id, cause: ClientLifecycle.Cause },
  NotSuspended: { client: Id, cause: ClientLifecycle.Cause }
})
export type Refusal = typeof Refusal.Type

type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export const decide = (branch: Branch, command: Command): Decision => {
  switch (command._tag) {
    case "Debit":
      return spend(branch, command, (ask, counters) =>
        Result.map(Wallet.decide(branch.wallet, { _tag: "Debit", ...ask }), (entries) =>
          entries.flatMap((entry) =>
            entry._tag === "Debited" ? posted(entry, counted(counters, entry.portions, "used"), counters) : []
          )
        )
      )
    case "Reserve":
      if (command.expiresAt <= command.at)
        return Result.fail({ _tag: "HoldEndsInThePast", expiresAt: command.expiresAt })
      return spend(branch, command, (ask, counters) => {
        const { hold, expiresAt } = command
        return Result.map(Wallet.decide(branch.wallet, { _tag: "Reserve", hold, expiresAt, ...ask }), (entries) =>
          entries.flatMap((entry) => (entry._tag === "Reserved" ? reserved(branch, entry, counters) : []))
        )
      })
    case "Capture":
      return withOpenHold(branch, command.hold, command.at, (hold) => capture(branch, command, hold))
    case "Release":
      return withOpenHold(branch, command.hold, command.at, (hold) => release(branch, hold, "released", command.at))
    case "Lapse": {
      const hold = branch.holds.find(({ id }) => id === command.hold)
      return hold === undefined || hold.outcome !== null || hold.expiresAt > command.at
        ? Result.succeed([])
        : release(branch, hold, "expired", command.at)
    }
    case "Renew": {
      const barred = lifecycleRefusal(branch)
      return barred === undefined ? entered(branch, command) : Result.fail(barred)
    }
    case "Grant":
    case "Expire":
    case "CloseOverage":
    case "Owe":
      return entered(branch, command)
    case "Reverse":
      return reverse(branch, command)
    case "SetCap":
      return Result.succeed([{ _tag: "CapSet", cap: command.cap }])
    case "ChangeLifecycle":
      return changeLifecycle(branch.line[0], command.command)
  }
}

export const evolve = (branch: Branch, event: Event): Branch => {
  switch (event._tag) {
    case "Posted":
      return {
        ...branch,
        wallet: Wallet.evolve(branch.wallet, event.entry),
        counters: event.counts.length === 0 ? branch.counters : event.counts.reduce(counting, branch.counters)
      }
    case "HoldOpened":
      return { ...branch, holds: [...branch.holds, event.hold] }
    case "HoldSettled":
      return {
        ...branch,
        holds: branch.holds.map((hold) => (hold.id === event.hold ? { ...hold, outcome: event.outcome } : hold))
      }
    case "ThresholdReached":
      return {
        ...branch,
        counters: branch.counters.map(({ cap, window }) =>
          cap.id === event.cap && window.start === event.start
            ? { cap, window: { ...window, told: event.percent } }
            : { cap, window }
        )
      }
    case "CapSet":
      return {
        ...branch,
        counters: branch.counters.map(({ cap, window }) =>
          cap.id === event.cap.id ? SpendingCap.set({ cap, window }, event.cap) : { cap, window }
        )
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

/** The caps of the line as they stand at an instant, and what could be debited. */
export const headroom = (
  branch: Branch,
  at: Instant,
  feature: string | null
): { readonly counters: ReadonlyArray<SpendingCap.Counter>; readonly available: Credits.Credits } => {
  const counters = countersAt(branch.counters, at)
  const use = useOf(branch, at)
  const ask = { at, feature, terms: branch.terms, headroom: SpendingCap.leastHeadroom(counters) }
  return {
    counters,
    available: Result.isSuccess(use) ? Wallet.available(branch.wallet, { ...ask, use: use.success }) : 0n
  }
}

type Ask = Parameters<typeof Wallet.available>[1] & { readonly amount: Credits.Credits; readonly allowPartial: boolean }

/** Asks the wallet within the caps, and says which cap it was when they keep too much back. */
const spend = (
  branch: Branch,
  { amount, feature, allowPartial, at }: Spend,
  ask: (
    ask: Ask,
    counters: ReadonlyArray<SpendingCap.Counter>
  ) => Result.Result<ReadonlyArray<Event>, Wallet.Refusal>
): Decision => {
  const use = useOf(branch, at)
  if (Result.isFailure(use)) return Result.fail(use.failure)
  const counters = countersAt(branch.counters, at)
  const decided = ask(
    { amount, feature, allowPartial, at, use: use.success, terms: branch.terms, headroom: SpendingCap.leastHeadroom(counters) },
    counters
  )
  return Result.isSuccess(decided) ? Result.succeed(decided.success) : Result.fail(refused(decided.failure, counters))
}

const refused = (refusal: Wallet.Refusal, counters: ReadonlyArray<SpendingCap.Counter>): Refusal => {
  if (refusal._tag !== "Capped") return refusal
  const { asked, available, portions } = refusal
  const bound = SpendingCap.binding(counters, portions)
  if (bound === undefined) return { _tag: "InsufficientCredits", asked, available, missing: asked - available }
  const { cap, window } = bound
  return {
    _tag: "SpendingCapReached",
    cap: cap.id,
    name: cap.name,
    client: cap.client,
    asked,
    available,
    limit: cap.limit,
    used: window.used,
    held: window.held,
    resetsAt: window.end
  }
}

const reserved = (
  branch: Branch,
  entry: Wallet.Event & { readonly _tag: "Reserved" },
  counters: ReadonlyArray<SpendingCap.Counter>
): ReadonlyArray<Event> => {
  const counts = counted(counters, entry.portions, "held")
  const { hold: id, amount, portions, expiresAt } = entry
  const places = counts.map(({ cap, start, end, scope }) => ({ cap, start, end, scope }))
  const hold = { id, client: branch.line[0].id, payer: branch.payer, amount, portions, places, expiresAt, outcome: null }
  return [
    { _tag: "Posted", entry, counts },
    { _tag: "HoldOpened", hold }
  ]
}

/** What was held always succeeds, also when the client may not spend any more; the excess is a debit like any other. */
const capture = (branch: Branch, command: Spend, hold: Hold): Decision => {
  const captured = (
    ask: Ask,
    counters: ReadonlyArray<SpendingCap.Counter>
  ): Result.Result<ReadonlyArray<Event>, Wallet.Refusal> => {
    const { id, portions } = hold
    return Result.map(Wallet.decide(branch.wallet, { _tag: "Capture", hold: id, portions, ...ask }), (entries) =>
      entries.flatMap((entry) => {
        if (entry._tag !== "Captured") return []
        const settled = hold.places.map((place) => ({
          ...place,
          used: Wallet.cost(entry.portions, place.scope),
          held: -Wallet.cost(hold.portions, place.scope)
        }))
        const counts = merged([...settled, ...counted(counters, entry.excess, "used")])
        return [
          ...posted(entry, counts, counters),
          { _tag: "HoldSettled", hold: id, outcome: "captured", captured: entry.amount } as const
        ]
      })
    )
  }
  const counters = countersAt(branch.counters, command.at)
  const within = (amount: Credits.Credits): Decision => {
    const { feature, at } = command
    const headroom = { all: null, charged: null }
    const decided = captured(
      { amount, feature, allowPartial: false, at, use: "all", terms: branch.terms, headroom },
      counters
    )
    return Result.isSuccess(decided) ? Result.succeed(decided.success) : Result.fail(refused(decided.failure, counters))
  }
  if (command.amount <= hold.amount) return within(command.amount)
  const whole = spend(branch, command, captured)
  return Result.isFailure(whole) && command.allowPartial ? within(hold.amount) : whole
}

const release = (branch: Branch, hold: Hold, why: "expired" | "released", at: Instant): Decision => {
  const { id, portions, places } = hold
  const counts = places.map((place) => ({ ...place, used: 0n, held: -Wallet.cost(portions, place.scope) }))
  return Result.map(
    Result.mapError(Wallet.decide(branch.wallet, { _tag: "Release", hold: id, portions, why, at }), (refusal) =>
      refused(refusal, [])
    ),
    (entries) => [
      ...entries.map((entry) => ({ _tag: "Posted", entry, counts }) as const),
      { _tag: "HoldSettled", hold: id, outcome: why, captured: 0n } as const
    ]
  )
}

const reverse = (branch: Branch, command: Command & { readonly _tag: "Reverse" }): Decision => {
  const { debit, origins, regrant, at } = command
  const reversible = Wallet.total(debit.portions) - debit.reversed
  const amount = command.amount ?? reversible
  if (amount <= 0n || amount > reversible) return Result.fail({ _tag: "NotReversible", reversible })
  const lastFirst = debit.portions.toReversed()
  const portions = Wallet.slice(lastFirst, debit.reversed, debit.reversed + amount)
  const counts = debit.counts.flatMap((count) => {
    const cost = Wallet.cost(portions, count.scope)
    const back = cost < count.used ? cost : count.used
    return back === 0n ? [] : [{ ...count, used: -back, held: 0n }]
  })
  const entry = Wallet.decide(branch.wallet, { _tag: "Reverse", debit: debit.seq, portions, origins, regrant, at })
  return Result.isSuccess(entry)
    ? Result.succeed(entry.success.map((entry) => ({ _tag: "Posted", entry, counts }) as const))
    : Result.fail(refused(entry.failure, []))
}

/** A command that concerns the wallet alone. */
const entered = (branch: Branch, command: Wallet.Command): Decision => {
  const entries = Wallet.decide(branch.wallet, command)
  return Result.isSuccess(entries)
    ? Result.succeed(entries.success.map((entry) => ({ _tag: "Posted", entry, counts: [] }) as const))
    : Result.fail(refused(entries.failure, []))
}

const changeLifecycle = (member: Member, command: ClientLifecycle.Command): Decision => {
  const client = member.id
  const changes = ClientLifecycle.decide(member.lifecycle, command)
  if (Result.isSuccess(changes))
    return Result.succeed(changes.success.map((change) => ({ _tag: "LifecycleChanged", client, change }) as const))
  const refusal = changes.failure
  switch (refusal._tag) {
    case "AlreadyOnboarded":
    case "ClientClosed":
      return Result.fail({ _tag: refusal._tag, client, at: refusal.at })
    case "AlreadySuspended":
    case "NotSuspended":
      return Result.fail({ _tag: refusal._tag, client, cause: refusal.cause })
  }
}

const withOpenHold = (branch: Branch, id: Id, at: Instant, settle: (hold: Hold) => Decision): Decision => {
  const hold = branch.holds.find((hold) => hold.id === id)
  if (hold === undefined) return Result.fail({ _tag: "HoldNotFound", hold: id })
  if (hold.outcome !== null) return Result.fail({ _tag: "HoldSettled", hold: id, outcome: hold.outcome })
  return hold.expiresAt <= at ? Result.fail({ _tag: "HoldSettled", hold: id, outcome: "expired" }) : settle(hold)
}

/** Whether, and from which lots, the client may spend now. */
const useOf = (branch: Branch, at: Instant): Result.Result<"all" | "bought", Refusal> => {
  const barred = lifecycleRefusal(branch)
  if (barred !== undefined) return Result.fail(barred)
  let use: "all" | "bought" = "all"
  for (const { id, subscription } of branch.line) {
    if (subscription === null || (id !== branch.line[0].id && id !== branch.payer)) continue
    const rights = Subscription.rights({ client: "active", subscription, at, policy: branch.policy })
    if (rights.use === "none") return Result.fail(subscriptionRefusal(id, subscription))
    if (rights.use === "bought") use = "bought"
  }
  return Result.succeed(use)
}

const subscriptionRefusal = (client: Id, { status, graceEndsAt }: NonNullable<Member["subscription"]>): Refusal => {
  switch (status) {
    case "incomplete":
      return { _tag: "SubscriptionNotPaid", client }
    case "paused":
      return { _tag: "SubscriptionPaused", client }
    case "canceled":
      return { _tag: "SubscriptionCanceled", client }
    case "trialing":
    case "active":
    case "past_due":
      return { _tag: "GraceEnded", client, at: graceEndsAt }
  }
}

const lifecycleRefusal = ({ line }: Branch): Refusal | undefined => {
  const [{ id: client, lifecycle }] = line
  if (lifecycle.closedAt !== null) return { _tag: "ClientClosed", client, at: lifecycle.closedAt }
  for (const { id, lifecycle } of line) {
    if (lifecycle.suspensions.length === 0) continue
    const causes = lifecycle.suspensions.map(({ cause }) => cause)
    return id === client
      ? { _tag: "ClientSuspended", client, causes }
      : { _tag: "AncestorSuspended", client, ancestor: id, causes }
  }
  return lifecycle.onboardedAt === null ? { _tag: "ClientNotOnboarded", client } : undefined
}

const countersAt = (counters: Branch["counters"], at: Instant): Branch["counters"] =>
  counters.every(({ window }) => SpendingCap.isCurrent(window, at))
    ? counters
    : counters.map((counter) => SpendingCap.at(counter, at))

const counted = (counters: Branch["counters"], portions: Wallet.Portions, as: "held" | "used"): ReadonlyArray<Count> => {
  const counts: Array<Count> = []
  for (const { cap, window } of counters) {
    const cost = Wallet.cost(portions, cap.scope)
    if (cost === 0n) continue
    const { start, end } = window
    const [used, held] = as === "used" ? [cost, 0n] : [0n, cost]
    counts.push({ cap: cap.id, start, end, scope: cap.scope, used, held })
  }
  return counts
}

/** One count for each window. */
const merged = (counts: ReadonlyArray<Count>): ReadonlyArray<Count> =>
  counts.reduce<ReadonlyArray<Count>>((merged, count) => {
    const i = merged.findIndex(({ cap, start }) => cap === count.cap && start === count.start)
    const same = merged[i]
    return same === undefined
      ? [...merged, count]
      : merged.with(i, { ...same, used: same.used + count.used, held: same.held + count.held })
  }, [])

/** An entry, and the thresholds that it reaches. */
const posted = (
  entry: Wallet.Event,
  counts: ReadonlyArray<Count>,
  counters: ReadonlyArray<SpendingCap.Counter>
): ReadonlyArray<Event> => {
  const events: Array<Event> = [{ _tag: "Posted", entry, counts }]
  for (const count of counts) {
    const counter = counters.find(({ cap, window }) => cap.id === count.cap && window.start === count.start)
    if (counter === undefined) continue
    const { cap, window } = counter
    const after = { cap, window: { ...window, used: window.used + count.used } }
    const percent = SpendingCap.reached(after)
    if (percent === undefined) continue
    const { used, start } = after.window
    events.push({ _tag: "ThresholdReached", client: cap.client, cap: cap.id, start, percent, used, limit: cap.limit })
  }
  return events
}

/** A count in the present window, or in the one that it opens; older windows are not of the branch. */
const counting = (counters: Branch["counters"], count: Count): Branch["counters"] =>
  counters.map((counter) => {
    const { cap, window } = counter
    if (cap.id !== count.cap || count.start < window.start) return counter
    const { start, end } = count
    const current = start === window.start ? window : { cap: cap.id, start, end, used: 0n, held: 0n, told: 0 }
    return { cap, window: { ...current, used: current.used + count.used, held: current.held + count.held } }
  })
