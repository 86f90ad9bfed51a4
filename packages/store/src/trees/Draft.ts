/**
 * A batch in the making: snapshots, what has been decided on top of them, and the rows that will say so.
 *
 * Nothing of a snapshot changes until the batch is on disk; `keep` then makes it what the draft says.
 */
import { ClientLifecycle, Credits, type Id, type Instant, SpendingCap, Tree, Wallet } from "@capstan/domain"
import { Result } from "effect"
import * as Objects from "../events/Objects.ts"
import * as Ids from "../Ids.ts"
import { bigintsAsText } from "../Key.ts"
import type { Entry } from "./Entry.ts"
import { type Line, lineOf, type Snapshot } from "./Snapshot.ts"
import * as Rows from "./Rows.ts"
import { type Expected, Writes } from "./Writes.ts"

/** What the ledger has of a decision besides what was decided. */
export interface Posting {
  readonly namespace: string
  readonly key: string
  readonly hash: Buffer | null
  readonly asked: bigint | null
  readonly effectiveAt: Instant.Instant | null
  readonly actor: string
  /** By which it came, for the event log. */
  readonly token: Id.Id | null
}

export interface Decided {
  readonly events: ReadonlyArray<Tree.Event>
  /** The entry of the ledger; a change of a lifecycle or a cap has none. */
  readonly entry: Entry | null
}

/** What was decided about one tree. */
interface Sketch {
  readonly snapshot: Snapshot
  readonly lines: Map<Id.Id, Line>
  readonly wallets: Map<Id.Id, Wallet.State>
  readonly watches: Map<Id.Id, Tree.Watch>
  readonly windows: Map<Id.Id, SpendingCap.Window>
  readonly holds: Map<Id.Id, Tree.Hold>
  /** Caps that have changed; null for one that was removed. */
  readonly caps: Map<Id.Id, SpendingCap.State | null>
  /** What was given back to windows that have not been read yet. */
  readonly loose: Array<Tree.Count>
  at: Instant.Instant
  writes: boolean
}

export class Draft {
  readonly writes = new Writes()
  /** Clients of whom something has changed that recharges may wait for. */
  readonly looks = new Set<Id.Id>()
  readonly #sketches = new Map<Id.Id, Sketch>()

  /** Decisions of a tree never go back in time. */
  at(snapshot: Snapshot, now: Instant.Instant): Instant.Instant {
    const sketch = this.#sketch(snapshot)
    if (now > sketch.at) sketch.at = now
    return sketch.at
  }

  /** With the wallet that the line draws on; or that of a hold, or of who is said to have paid, also once it does not. */
  branch(snapshot: Snapshot, line: Line, hold: Id.Id | null = null, paid: Id.Id | null = null): Tree.Branch {
    const sketch = this.#sketch(snapshot)
    const { members, payer: present, terms, policy, caps } = sketch.lines.get(line.client) ?? line
    const named = hold === null ? undefined : (sketch.holds.get(hold) ?? snapshot.holds.get(hold))
    const payer = named?.payer ?? paid ?? present
    return {
      line: members,
      payer,
      former: payer !== present || (named !== undefined && named.client !== members[0].id),
      terms,
      policy,
      wallet: sketch.wallets.get(payer) ?? snapshot.wallets.get(payer) ?? Wallet.initial,
      counters: capsOf(sketch, members, caps).map((cap) => ({ cap, window: this.#window(sketch, cap) })),
      watch: sketch.watches.get(payer) ?? snapshot.watches.get(payer) ?? null,
      holds: named === undefined ? [] : [named]
    }
  }

  decide(
    snapshot: Snapshot,
    line: Line,
    command: Tree.Command,
    posting: Posting,
    paid: Id.Id | null = null
  ): Result.Result<Decided, Tree.Refusal> {
    const hold = "hold" in command && command._tag !== "Reserve" ? command.hold : null
    const before = this.branch(snapshot, line, hold, paid)
    const decided = Tree.decide(before, command)
    if (Result.isFailure(decided)) {
      const wanted = Tree.unmet(before, decided.failure, command.at)
      if (wanted.length > 0) this.#stage(snapshot, line, before, wanted, command.at, posting, nobody)
      return Result.fail(decided.failure)
    }
    const events = decided.success
    const spender = "member" in command || "hold" in command ? spenderOf(command, before) : nobody
    const entry = events.length === 0 ? null : this.#stage(snapshot, line, before, events, command.at, posting, spender)
    return Result.succeed({ events, entry })
  }

  /** Settles the holds that are due, so that what is decided next sees it. */
  lapse(snapshot: Snapshot, now: Instant.Instant): void {
    const at = this.at(snapshot, now)
    for (const id of snapshot.due) {
      const hold = snapshot.holds.get(id)
      const line = hold === undefined ? undefined : lineOf(snapshot, hold)
      if (hold === undefined || line === undefined) continue
      const { expiresAt: effectiveAt } = hold
      const posting = {
        namespace: "lapse",
        key: id,
        hash: null,
        asked: null,
        effectiveAt,
        actor: "system",
        token: null
      }
      this.decide(snapshot, line, { _tag: "Lapse", hold: id, at }, posting)
    }
  }

  /** What the database has to confirm: the stamp of every tree, and a new one where it is written to. In order of roots. */
  expected(snapshots: Iterable<Snapshot>, stampAll: boolean): ReadonlyArray<Expected> {
    const inOrder = [...snapshots].sort((a, b) => (a.root < b.root ? -1 : 1))
    return inOrder.map((snapshot) => {
      const sketch = this.#sketch(snapshot)
      return { root: snapshot.root, stamp: snapshot.stamp, writes: stampAll || sketch.writes, at: sketch.at }
    })
  }

  /** It is on disk, under this stamp. */
  keep(stamp: string): void {
    for (const { snapshot, lines, wallets, watches, windows, holds, at, writes } of this.#sketches.values()) {
      if (!writes) continue
      snapshot.stamp = stamp
      snapshot.at = at
      for (const [id, line] of lines) snapshot.lines.set(id, line)
      for (const [id, wallet] of wallets) snapshot.wallets.set(id, wallet)
      for (const [id, watch] of watches) snapshot.watches.set(id, watch)
      for (const [id, window] of windows) snapshot.windows.set(id, window)
      for (const [id, hold] of holds) {
        if (hold.outcome !== null) snapshot.holds.delete(id)
        else {
          snapshot.holds.set(id, hold)
          if (snapshot.lapsesAt === null || hold.expiresAt < snapshot.lapsesAt) snapshot.lapsesAt = hold.expiresAt
        }
      }
      // There may be more: the next look at the tree asks again.
      if (snapshot.due.length > 0) snapshot.lapsesAt = at
      snapshot.due = []
    }
  }

  #sketch(snapshot: Snapshot): Sketch {
    const known = this.#sketches.get(snapshot.root)
    if (known !== undefined) return known
    const { at } = snapshot
    const maps = { lines: new Map(), wallets: new Map(), watches: new Map(), windows: new Map(), holds: new Map() }
    const fresh: Sketch = { snapshot, ...maps, caps: new Map(), loose: [], at, writes: false }
    this.#sketches.set(snapshot.root, fresh)
    return fresh
  }

  /** A window that has turned, or was never opened, counts nothing yet; there is no row of it. */
  #window({ snapshot, windows, loose, at }: Sketch, cap: SpendingCap.State): SpendingCap.Window {
    const known = windows.get(cap.id) ?? counted(snapshot.windows.get(cap.id), loose)
    if (known !== undefined && SpendingCap.isCurrent(known, at)) return known
    const opened = known === undefined ? SpendingCap.open(cap, at) : SpendingCap.at({ cap, window: known }, at).window
    windows.set(cap.id, opened)
    return opened
  }

  #stage(
    snapshot: Snapshot,
    line: Line,
    before: Tree.Branch,
    events: ReadonlyArray<Tree.Event>,
    at: Instant.Instant,
    { actor, token, hash, ...posting }: Posting,
    spender: Spender
  ): Entry | null {
    const sketch = this.#sketch(snapshot)
    const by = { actor, token, at }
    const { client } = line
    const { member, meter } = spender
    let branch = before
    let entry: Entry | null = null
    for (const event of events) {
      branch = Tree.evolve(branch, event)
      switch (event._tag) {
        case "Posted": {
          const { payer, wallet } = branch
          const { amount } = event.entry
          const hold = "hold" in event.entry ? event.entry.hold : null
          const balance = Wallet.balance(wallet, at)
          const posted = { payer, seq: wallet.seq, client, ...posting, amount, balance, hold, member, meter, at }
          entry = { ...posted, event: event.entry, counts: event.counts }
          this.writes.entries.push({ ...entry, hash })
          this.writes.count(event.counts)
          for (const count of event.counts) if (count.used < 0n || count.held < 0n) giveBack(sketch, branch, count)
          this.writes.wallets.set(payer, wallet)
          if (!Rows.isSameLots(before.wallet.lots, wallet.lots)) this.writes.relotted.add(payer)
          sketch.wallets.set(payer, wallet)
          break
        }
        case "HoldOpened":
          this.writes.opened.push({ hold: event.hold, root: snapshot.root, at })
          sketch.holds.set(event.hold.id, event.hold)
          break
        case "HoldSettled": {
          const { hold, outcome, captured } = event
          this.writes.settled.push({ hold, outcome, captured, at })
          for (const settled of branch.holds) if (settled.id === hold) sketch.holds.set(hold, settled)
          break
        }
        case "ThresholdReached": {
          const { cap, percent } = event
          for (const counter of branch.counters)
            if (counter.cap.id === cap) this.writes.tell(counter.cap, counter.window)
          const payload = { cap, percent, start: event.start, used: `${event.used}`, limit: `${event.limit}` }
          this.record({ client: event.client, kind: "spending_threshold.reached", ...by, payload })
          break
        }
        case "BalanceNoticed":
        case "BalanceRestored": {
          const notice = event._tag === "BalanceNoticed" ? event.notice : "none"
          this.writes.notices.set(event.client, notice)
          const kind = event._tag === "BalanceNoticed" ? `balance.${notice}` : "balance.restored"
          this.record({ client: event.client, kind, ...by, payload: { level: Credits.format(event.level) } })
          break
        }
        case "RechargeWanted":
        case "RechargeFellShort": {
          const { client, target } = event
          this.writes.recharge(client, {
            target,
            at,
            crossing: event._tag === "RechargeWanted" ? event.crossing : null
          })
          if (event._tag === "RechargeFellShort") break
          const payload = { crossing: event.crossing, shortfall: Credits.format(event.shortfall), spender: line.client }
          this.record({ client, kind: "recharge.wanted", ...by, payload })
          break
        }
        case "LifecycleChanged": {
          const [{ lifecycle: state }] = branch.line
          this.looks.add(client)
          sketch.lines.set(client, { ...line, members: branch.line, version: line.version + 1n })
          this.writes.lifecycles.set(client, { state, at })
          const was = before.line[0].lifecycle
          const told = {
            before: { status: ClientLifecycle.status(was) },
            after: { status: ClientLifecycle.status(state) }
          }
          this.record({ client, kind: kindOf[event.change._tag], ...by, payload: { ...event.change, ...told } })
          break
        }
        case "LimitForecast": {
          const { client, cap, start, projectedAt } = event
          for (const counter of branch.counters)
            if (counter.cap.id === cap) this.writes.foretell(counter.cap, counter.window)
          const payload = { cap, start, used: `${event.used}`, limit: `${event.limit}`, projectedAt }
          this.record({ client, kind: "spending_cap.forecast", ...by, payload })
          break
        }
        case "CapSet": {
          const { cap } = event
          sketch.caps.set(cap.id, cap)
          this.looks.add(client)
          for (const { cap: set, window } of branch.counters)
            if (set.id === cap.id) this.writes.caps.set(cap, window, at)
          break
        }
        case "WindowReset": {
          this.looks.add(client)
          const was = before.counters.find(({ cap }) => cap.id === event.cap)
          const is = branch.counters.find(({ cap }) => cap.id === event.cap)
          if (was !== undefined && is !== undefined) this.writes.caps.reset(SpendingCap.at(was, at).window, is.window)
          break
        }
        case "CapRemoved":
          sketch.caps.set(event.cap, null)
          this.looks.add(client)
          this.writes.caps.remove(event.cap, at)
          break
      }
    }
    for (const { cap, window } of branch.counters) sketch.windows.set(cap.id, window)
    if (!this.writes.caps.isEmpty) for (const { window } of branch.counters) this.writes.caps.follow(window)
    if (branch.watch !== null && branch.watch !== before.watch) sketch.watches.set(branch.payer, branch.watch)
    sketch.writes = true
    return entry
  }

  /** A line for the event log. */
  record({
    payload,
    ...event
  }: {
    readonly client: Id.Id | null
    readonly kind: string
    readonly actor: string
    readonly token: Id.Id | null
    readonly at: Instant.Instant
    readonly payload: object
  }): void {
    const object = Objects.of(event.kind, event.client, payload)?.id ?? null
    this.writes.events.push({ id: Ids.mint(), ...event, object, payload: JSON.stringify(payload, bigintsAsText) })
  }
}

interface Spender {
  readonly member: string | null
  readonly meter: string | null
}

const nobody: Spender = { member: null, meter: null }

/** Where a capture does not say it, and where nothing can, it is who the hold was for. */
const spenderOf = (command: Tree.Command, { holds: [hold] }: Tree.Branch): Spender => ({
  member: ("member" in command ? command.member : null) ?? hold?.member ?? null,
  meter: ("meter" in command ? command.meter : null) ?? hold?.meter ?? null
})

/** The caps of a line, as they have been set here. */
const capsOf = (
  { caps: changed }: Sketch,
  members: Line["members"],
  caps: ReadonlyArray<SpendingCap.State>
): ReadonlyArray<SpendingCap.State> => {
  if (changed.size === 0) return caps
  const kept = caps.flatMap((cap) => {
    const now = changed.get(cap.id)
    return now === undefined ? [cap] : now === null ? [] : [now]
  })
  for (const cap of changed.values())
    if (cap !== null && members.some(({ id }) => id === cap.client) && !caps.some(({ id }) => id === cap.id))
      kept.push(cap)
  return kept
}

/** What is given back may concern caps that are not on the line at hand, where it was counted before a move. */
const giveBack = ({ snapshot, windows, loose }: Sketch, { counters }: Tree.Branch, count: Tree.Count): void => {
  const { cap: id } = count
  if (counters.some(({ cap }) => cap.id === id)) return
  const known = windows.get(id) ?? snapshot.windows.get(id)
  const after = counted(known, [count])
  if (after === undefined) loose.push(count)
  else windows.set(id, after)
}

const counted = (
  window: SpendingCap.Window | undefined,
  counts: ReadonlyArray<Tree.Count>
): SpendingCap.Window | undefined => {
  let after = window
  for (const { cap, start, used, held } of counts)
    if (after !== undefined && cap === after.cap && start === after.start)
      after = { ...after, used: after.used + used, held: after.held + held }
  return after
}

const kindOf: { readonly [K in ClientLifecycle.Event["_tag"]]: string } = {
  OnboardingCompleted: "client.onboarded",
  Suspended: "client.suspended",
  Lifted: "client.reactivated",
  Closed: "client.closed"
}
