/**
 * The aggregate of spending: what may be debited from a client, decided in one place.
 *
 *   root ── its caps ─┐
 *    └─ parent ── its caps ─┤ every hard cap of the line has room,
 *        └─ client ── its caps ─┘ nobody on the line is suspended,
 *               └─ payer's wallet ── and its lots cover what no cap keeps back
 *
 * A decision reads one branch of the tree and names everything it changes: the wallet's entry and the windows it counts
 * in, together. Every spending command of the product goes through here. Holds whose time is over are settled before
 * anything else is decided (`Lapse`).
 */
import { Result } from "effect"
import * as ClientLifecycle from "./ClientLifecycle.ts"
import type * as Credits from "./Credits.ts"
import type { Id } from "./Id.ts"
import type { Instant } from "./Instant.ts"
import * as SpendingCap from "./SpendingCap.ts"
import type { AtEnd, Branch, Count, Hold } from "./tree/Branch.ts"
import { counted, countersOf, given, merged, settled } from "./tree/Counting.ts"
import type { Event } from "./tree/Event.ts"
import { ofLifecycle, ofWallet, type Refusal } from "./tree/Refusal.ts"
import { barredBy, useOf } from "./tree/Use.ts"
import { watched, withRecharge } from "./tree/Watching.ts"
import * as Wallet from "./Wallet.ts"

export { AtEnd, type Branch, Count, Hold, type Member, Outcome, Place } from "./tree/Branch.ts"
export { type Move, part, type Parted } from "./tree/Cut.ts"
export { Event, evolve } from "./tree/Event.ts"
export { ofLifecycle, Refusal } from "./tree/Refusal.ts"
export { Notice, type Recharge, Phase, Standing, type Watch } from "./tree/Watch.ts"
export { useOf } from "./tree/Use.ts"
export { unmet } from "./tree/Watching.ts"

interface Spend {
  readonly amount: Credits.Credits
  readonly feature: string | null
  /** Who spends, and on which meter, where that is said: there may be caps that count nothing else. */
  readonly member: string | null
  readonly meter: string | null
  readonly allowPartial: boolean
  readonly at: Instant
}

/** A debit as the ledger has it, and how much of it earlier reversals gave back. */
export interface Debit {
  readonly seq: number
  readonly portions: Wallet.Portions
  readonly counts: ReadonlyArray<Count>
  readonly reversed: Credits.Credits
}

/** A grant as the ledger has it, and how much of it earlier revocations took back. */
export interface Grant {
  readonly seq: number
  /** To which its credits went. */
  readonly lot: Id
  readonly amount: Credits.Credits
  readonly revoked: Credits.Credits
}

export type Command =
  | ({ readonly _tag: "Debit" } & Spend)
  | ({ readonly _tag: "Reserve"; readonly hold: Id; readonly expiresAt: Instant; readonly atEnd: AtEnd } & Spend)
  /** `member` and `meter` are of what is beyond the hold: those of the hold, where they are null. */
  | ({ readonly _tag: "Capture"; readonly hold: Id } & Spend)
  | { readonly _tag: "Release"; readonly hold: Id; readonly at: Instant }
  /** Captures what was spent of a lease, which may be nothing; the rest goes back. */
  | { readonly _tag: "Settle"; readonly hold: Id; readonly amount: Credits.Credits; readonly at: Instant }
  /** Settles a hold whose time is over; before it, nothing. A lease is captured whole: it may have been spent. */
  | { readonly _tag: "Lapse"; readonly hold: Id; readonly at: Instant }
  | { readonly _tag: "Grant"; readonly lot: Wallet.Lot; readonly at: Instant }
  | {
      readonly _tag: "Renew"
      readonly lot: Wallet.Lot
      readonly rollover: Wallet.Rollover | null
      readonly at: Instant
    }
  | { readonly _tag: "Expire"; readonly at: Instant }
  /** Gives back a debit, the credits taken last first; all that is left of it where `amount` is null. */
  | {
      readonly _tag: "Reverse"
      readonly debit: Debit
      readonly amount: Credits.Credits | null
      readonly origins: ReadonlyArray<Wallet.Lot>
      readonly regrant: Wallet.Regrant
      readonly at: Instant
    }
  | { readonly _tag: "Owe"; readonly amount: Credits.Credits; readonly at: Instant }
  /** Takes back a grant, or all that is left of it where `amount` is null. */
  | {
      readonly _tag: "Revoke"
      readonly grant: Grant
      readonly amount: Credits.Credits | null
      readonly lapsed: Credits.Credits
      readonly spent: "forgive" | "owe"
      readonly at: Instant
    }
  | { readonly _tag: "Withdraw"; readonly amount: Credits.Credits; readonly at: Instant }
  | { readonly _tag: "CloseOverage"; readonly at: Instant }
  | { readonly _tag: "SetCap"; readonly cap: SpendingCap.State; readonly at: Instant }
  /** Of the branch's own client, as is the one that is removed; one that is not there has nothing to reset. */
  | { readonly _tag: "ResetWindow"; readonly cap: Id; readonly at: Instant }
  | { readonly _tag: "RemoveCap"; readonly cap: Id; readonly at: Instant }
  /** Of the branch's own client. */
  | { readonly _tag: "ChangeLifecycle"; readonly command: ClientLifecycle.Command; readonly at: Instant }

type Of<Tag extends Command["_tag"]> = Extract<Command, { readonly _tag: Tag }>
type Decision = Result.Result<ReadonlyArray<Event>, Refusal>

export const decide = (branch: Branch, command: Command): Decision => {
  const decided = unwatched(branch, command)
  if (branch.watch === null) return decided
  if (Result.isFailure(decided)) return Result.fail(withRecharge(branch, decided.failure, command.at))
  const more = watched(branch, decided.success, command.at)
  return more.length === 0 ? decided : Result.succeed([...decided.success, ...more])
}

const unwatched = (branch: Branch, command: Command): Decision => {
  switch (command._tag) {
    case "Debit":
    case "Reserve":
      return spend(branch, command)
    case "Capture":
      return withOpenHold(branch, command.hold, command.at, (hold) =>
        hold.atEnd === "capture" ? Result.fail({ _tag: "HoldIsLease", hold: hold.id }) : capture(branch, command, hold)
      )
    case "Release":
      return withOpenHold(branch, command.hold, command.at, (hold) =>
        hold.atEnd === "capture"
          ? Result.fail({ _tag: "HoldIsLease", hold: hold.id })
          : release(branch, hold, "released", command.at)
      )
    case "Settle":
      return withOpenHold(branch, command.hold, command.at, (hold) => settle(branch, command, hold))
    case "Lapse": {
      const { at } = command
      const hold = holdOf(branch, command.hold)
      if (hold === undefined || hold.outcome !== null || hold.expiresAt > at) return Result.succeed([])
      return hold.atEnd === "capture"
        ? captureHeld(branch, hold, hold.amount, at)
        : release(branch, hold, "expired", at)
    }
    case "Renew": {
      const barred = barredBy(branch)
      return barred === undefined ? entered(branch, command) : Result.fail(barred)
    }
    case "Grant":
    case "Expire":
    case "CloseOverage":
    case "Owe":
    case "Withdraw":
      return entered(branch, command)
    case "Revoke":
      return revoke(branch, command)
    case "Reverse":
      return reverse(branch, command)
    case "SetCap":
      return Result.succeed([{ _tag: "CapSet", cap: command.cap, at: command.at }])
    case "ResetWindow":
      return Result.succeed(resets(branch, command) ? [{ _tag: "WindowReset", cap: command.cap, at: command.at }] : [])
    case "RemoveCap":
      return Result.succeed(
        branch.counters.some(({ cap: { id } }) => id === command.cap)
          ? [{ _tag: "CapRemoved", cap: command.cap, at: command.at }]
          : []
      )
    case "ChangeLifecycle": {
      const [{ id: client, lifecycle }] = branch.line
      const changes = ClientLifecycle.decide(lifecycle, command.command)
      return Result.isSuccess(changes)
        ? Result.succeed(changes.success.map((change) => ({ _tag: "LifecycleChanged", client, change }) as const))
        : Result.fail(ofLifecycle(client, changes.failure))
    }
  }
}

/** The caps of the line that count such a debit, as they stand at its instant, and the most that it could take. */
export const headroom = (
  branch: Branch,
  { at, feature, member, meter }: Pick<Spend, "at" | "feature" | "member" | "meter">
): { readonly counters: ReadonlyArray<SpendingCap.Counter>; readonly available: Credits.Credits } => {
  const counters = countersOf(branch.counters, at, member, meter)
  return { counters, available: availableWithin(branch, { at, feature }, SpendingCap.leastHeadroom(counters)) }
}

/** What could be debited if nothing but this cap kept back any of it. */
export const availableUnder = (
  branch: Branch,
  asked: Pick<Spend, "at" | "feature">,
  counter: SpendingCap.Counter
): Credits.Credits => availableWithin(branch, asked, SpendingCap.leastHeadroom([counter]))

const availableWithin = (
  branch: Branch,
  { at, feature }: Pick<Spend, "at" | "feature">,
  headroom: Wallet.Headroom
): Credits.Credits => {
  const use = useOf(branch, at)
  return typeof use === "string"
    ? Wallet.available(branch.wallet, { at, feature, use, terms: branch.terms, headroom })
    : 0n
}

/** The debit that an entry of the ledger made, and that can be reversed; null where it made none. */
export const debitOf = (entry: Wallet.Event, { seq, counts, reversed }: Omit<Debit, "portions">): Debit | null => {
  if (entry._tag === "Debited") return { seq, portions: entry.portions, counts, reversed }
  return entry._tag === "Captured" ? { seq, portions: [...entry.portions, ...entry.excess], counts, reversed } : null
}

/** Asks the wallet within the caps, and says which cap it was when they keep too much back. */
const spend = (branch: Branch, command: Of<"Debit"> | Of<"Reserve">): Decision => {
  const { allowPartial, amount, at, feature, member, meter } = command
  if (command._tag === "Reserve" && command.expiresAt <= at)
    return Result.fail({ _tag: "HoldEndsInThePast", expiresAt: command.expiresAt })
  const use = useOf(branch, at)
  if (typeof use !== "string") return Result.fail(use)
  const counters = countersOf(branch.counters, at, member, meter)
  const { terms, wallet } = branch
  const headroom = SpendingCap.leastHeadroom(counters)
  const decided = Wallet.decide(
    wallet,
    command._tag === "Debit"
      ? { _tag: "Debit", amount, feature, allowPartial, at, use, terms, headroom }
      : { ...command, use, terms, headroom }
  )
  if (Result.isFailure(decided)) return Result.fail(ofWallet(decided.failure, counters))
  const events: Array<Event> = []
  for (const entry of decided.success) {
    if (entry._tag === "Debited") post(events, entry, counted(counters, entry.portions, "used"), counters, at)
    if (entry._tag === "Reserved") {
      const { hold: id, amount, portions, expiresAt } = entry
      const atEnd = command._tag === "Reserve" ? command.atEnd : "release"
      const counts = counted(counters, portions, "held")
      const places = counts.map(({ cap, start, end, scope }) => ({ cap, start, end, scope }))
      const { line, payer } = branch
      const client = line[0].id
      const made = { id, client, payer, amount, portions, places, member, meter, expiresAt, atEnd }
      const hold = { ...made, twin: null, outcome: null }
      events.push({ _tag: "Posted", entry, counts }, { _tag: "HoldOpened", hold })
    }
  }
  return Result.succeed(events)
}

/**
 * What was held always succeeds, also when the client may not spend any more; the excess is a debit like any other, and
 * there is none on the wallet of a former payer.
 */
const capture = (branch: Branch, command: Of<"Capture">, hold: Hold): Decision => {
  const { amount, allowPartial, at, feature } = command
  if (branch.former && amount > hold.amount) {
    if (allowPartial) return capture(branch, { ...command, amount: hold.amount }, hold)
    const { amount: available } = hold
    return Result.fail({ _tag: "InsufficientCredits", asked: amount, available, missing: amount - available })
  }
  const use = amount <= hold.amount ? "all" : useOf(branch, at)
  if (typeof use !== "string")
    return allowPartial ? capture(branch, { ...command, amount: hold.amount }, hold) : Result.fail(use)
  const { id, places, portions } = hold
  const counters = countersOf(branch.counters, at, command.member ?? hold.member, command.meter ?? hold.meter)
  const { terms, wallet } = branch
  const headroom = SpendingCap.leastHeadroom(counters)
  const ask = { amount, feature, allowPartial, at, use, terms, headroom }
  const decided = Wallet.decide(wallet, { _tag: "Capture", hold: id, portions, ...ask })
  if (Result.isFailure(decided)) return Result.fail(ofWallet(decided.failure, counters))
  const events: Array<Event> = []
  for (const entry of decided.success) {
    if (entry._tag !== "Captured") continue
    const counts = [...settled(places, portions, entry.portions), ...counted(counters, entry.excess, "used")]
    post(events, entry, merged(counts), counters, at)
    events.push({ _tag: "HoldSettled", hold: id, outcome: "captured", captured: entry.amount })
  }
  return Result.succeed(events)
}

const settle = (branch: Branch, { amount: spent, at }: Of<"Settle">, hold: Hold): Decision => {
  const { id, amount, atEnd } = hold
  if (atEnd !== "capture") return Result.fail({ _tag: "HoldNotLease", hold: id })
  return spent > amount
    ? Result.fail({ _tag: "BeyondLease", hold: id, amount, spent })
    : captureHeld(branch, hold, spent, at)
}

/** No more than is held, so nothing can refuse it. */
const captureHeld = (branch: Branch, hold: Hold, amount: Credits.Credits, at: Instant): Decision =>
  capture(
    branch,
    { _tag: "Capture", hold: hold.id, amount, feature: null, member: null, meter: null, allowPartial: false, at },
    hold
  )

const release = (branch: Branch, hold: Hold, why: "expired" | "released", at: Instant): Decision => {
  const { id, portions, places } = hold
  const decided = Wallet.decide(branch.wallet, { _tag: "Release", hold: id, portions, why, at })
  if (Result.isFailure(decided)) return Result.fail(ofWallet(decided.failure, []))
  const counts = settled(places, portions, [])
  return Result.succeed([
    ...decided.success.map((entry) => ({ _tag: "Posted", entry, counts }) as const),
    { _tag: "HoldSettled", hold: id, outcome: why, captured: 0n }
  ])
}

const reverse = (branch: Branch, command: Of<"Reverse">): Decision => {
  const { debit, origins, regrant, at } = command
  const reversible = Wallet.total(debit.portions) - debit.reversed
  const amount = command.amount ?? reversible
  if (amount <= 0n || amount > reversible) return Result.fail({ _tag: "NotReversible", reversible })
  const lastFirst = debit.portions.toReversed()
  const upTo = debit.reversed + amount
  const portions = Wallet.slice(lastFirst, debit.reversed, upTo)
  const counts = given(lastFirst, debit.counts, debit.reversed, upTo)
  return entered(branch, { _tag: "Reverse", debit: debit.seq, portions, origins, regrant, at }, counts)
}

const revoke = (branch: Branch, { grant, lapsed, spent, at, ...command }: Of<"Revoke">): Decision => {
  const { seq, lot } = grant
  const revocable = grant.amount - grant.revoked
  const amount = command.amount ?? revocable
  return amount <= 0n || amount > revocable
    ? Result.fail({ _tag: "NotReversible", reversible: revocable })
    : entered(branch, { _tag: "Revoke", grant: seq, lot, amount, lapsed, spent, at })
}

/** An entry that no cap can refuse. */
const entered = (branch: Branch, command: Wallet.Command, counts: ReadonlyArray<Count> = []): Decision => {
  const decided = Wallet.decide(branch.wallet, command)
  return Result.isSuccess(decided)
    ? Result.succeed(decided.success.map((entry) => ({ _tag: "Posted", entry, counts }) as const))
    : Result.fail(ofWallet(decided.failure, []))
}

/** A hold pins lots of the wallet it was made on: on another it does not exist. */
const holdOf = ({ holds, payer }: Branch, id: Id): Hold | undefined =>
  holds.find((hold) => hold.id === id && hold.payer === payer)

const withOpenHold = (branch: Branch, id: Id, at: Instant, settle: (hold: Hold) => Decision): Decision => {
  const hold = holdOf(branch, id)
  if (hold === undefined) return Result.fail({ _tag: "HoldNotFound", hold: id })
  if (hold.outcome !== null) return Result.fail({ _tag: "HoldSettled", hold: id, outcome: hold.outcome })
  if (hold.expiresAt > at) return settle(hold)
  return Result.fail({ _tag: "HoldSettled", hold: id, outcome: hold.atEnd === "capture" ? "captured" : "expired" })
}

/** Windows of a cap are told apart by where they start, so one that starts now is not reset. */
const resets = ({ counters }: Branch, { at, cap: id }: Of<"ResetWindow">): boolean => {
  const counter = counters.find(({ cap }) => cap.id === id)
  return counter !== undefined && SpendingCap.at(counter, at).window.start < at
}

/** An entry, the thresholds that it reaches, and what it foretells. */
const post = (
  events: Array<Event>,
  entry: Wallet.Event,
  counts: ReadonlyArray<Count>,
  counters: ReadonlyArray<SpendingCap.Counter>,
  at: Instant
): void => {
  events.push({ _tag: "Posted", entry, counts })
  for (const counter of counters) {
    const { cap, window } = counter
    if (cap.thresholds.length === 0) continue
    for (const count of counts) {
      if (count.cap !== cap.id || count.start !== window.start) continue
      const used = window.used + count.used
      if (!SpendingCap.mayTell(counter, used, at)) continue
      const { client, id, limit } = cap
      const { start } = window
      const percent = SpendingCap.reached(counter, used)
      if (percent !== undefined) events.push({ _tag: "ThresholdReached", client, cap: id, start, percent, used, limit })
      if (window.forecast || count.used <= 0n) continue
      const projectedAt = SpendingCap.forecast(cap, window, used, at)
      if (projectedAt !== null) events.push({ _tag: "LimitForecast", client, cap: id, start, used, limit, projectedAt })
    }
  }
}
