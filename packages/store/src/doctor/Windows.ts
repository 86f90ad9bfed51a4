/**
 * Promise 1, of the caps of one tree: every entry counts in the caps of its line, windows are the sums of those counts,
 * and whatever added to a window of a hard cap left it within a limit that was in force at that millisecond. A limit that
 * is lowered afterwards may stand below what is used; nothing may be added then.
 */
import { Cost, type Id, type Instant, Wallet } from "@capstan/domain"
import type { Entry } from "../trees/Entry.ts"
import type { Notes } from "./Findings.ts"
import { type Cap, type Change, kinds, type Window } from "./Group.ts"
import type { Lines } from "./Lines.ts"

/** What a cap let through from an instant on, less what was committed of it; null while it only told. */
interface Limit {
  readonly from: Instant.Instant
  readonly limit: bigint | null
}

interface Sum {
  readonly cap: Id.Id
  readonly start: Instant.Instant
  used: bigint
  held: bigint
  /** Of the present millisecond. */
  touched: boolean
  added: boolean
}

export class Windows {
  readonly #notes: Notes
  readonly #caps: ReadonlyMap<Id.Id, Cap>
  readonly #capsByClient: ReadonlyMap<Id.Id, ReadonlyArray<Cap>>
  readonly #lines: Lines
  readonly #limits: ReadonlyMap<Id.Id, ReadonlyArray<Limit>>
  /** When its windows were started before their time. */
  readonly #resets: ReadonlyMap<Id.Id, ReadonlyArray<Instant.Instant>>
  readonly #sums = new Map<string, Sum>()
  #touched: Array<Sum> = []
  #time: Instant.Instant = Number.NEGATIVE_INFINITY

  constructor(notes: Notes, lines: Lines, caps: ReadonlyArray<Cap>, changes: ReadonlyArray<Change>) {
    this.#notes = notes
    this.#caps = new Map(caps.map((cap) => [cap.id, cap]))
    this.#capsByClient = Map.groupBy(caps, ({ client }) => client)
    this.#lines = lines
    const limits = limitsOf(changes)
    this.#limits = new Map(caps.map((cap) => [cap.id, limits.get(cap.id) ?? [limitOf(cap, cap.createdAt)]]))
    this.#resets = resetsOf(changes)
    for (const cap of caps) this.#compareLog(cap)
  }

  entry(entry: Entry, time: Instant.Instant): void {
    if (time !== this.#time) this.#settle()
    this.#time = time
    const { event } = entry
    if (event._tag === "Debited" || event._tag === "Reserved") this.#compareCounts(entry, event)
    for (const { cap, start, used, held } of entry.counts) {
      const sum = this.#sum(cap, start)
      sum.used += used
      sum.held += held
      sum.added ||= used + held > 0n
      if (sum.touched) continue
      sum.touched = true
      this.#touched.push(sum)
    }
  }

  end(windows: ReadonlyArray<Window>): void {
    this.#settle()
    for (const { cap, start, used, held } of windows) {
      this.#notes.check("windows")
      const sum = this.#sum(cap, start)
      this.#sums.delete(nameOf(cap, start))
      if (sum.used !== used || sum.held !== held)
        this.#notes.differ("windows", nameOf(cap, start), described(sum), described({ used, held }))
    }
    for (const sum of this.#sums.values()) {
      this.#notes.check("windows")
      if (sum.used !== 0n || sum.held !== 0n)
        this.#notes.differ("windows", nameOf(sum.cap, sum.start), described(sum), "no row")
    }
  }

  /** The order within a millisecond is not known; in any, what added came before or after what took away. */
  #settle(): void {
    for (const sum of this.#touched) {
      const { cap, start, used, held, added } = sum
      sum.touched = sum.added = false
      if (!added) continue
      const limit = this.#most(cap)
      if (limit === null) continue
      this.#notes.check("limits")
      if (used + held > limit)
        this.#notes.differ(
          "limits",
          nameOf(cap, start),
          `at most ${limit} at ${new Date(this.#time).toISOString()}`,
          described(sum)
        )
    }
    this.#touched = []
  }

  /** The largest limit of this millisecond; null where there was none. */
  #most(cap: Id.Id): bigint | null {
    const limits = this.#limits.get(cap) ?? []
    const after = limits.findIndex(({ from }) => from > this.#time)
    const past = after < 0 ? limits : limits.slice(0, after)
    const present = past.findLastIndex(({ from }) => from < this.#time)
    let most = 0n
    for (const { limit } of past.length === 0 ? limits.slice(0, 1) : past.slice(Math.max(present, 0))) {
      if (limit === null) return null
      if (limit > most) most = limit
    }
    return most
  }

  #compareCounts(
    { client, counts, member, meter, payer, seq, at }: Entry,
    event: Wallet.Event & { readonly _tag: "Debited" | "Reserved" }
  ): void {
    this.#notes.check("counting")
    const where = `entry ${seq} of wallet ${payer}`
    const [used, held] = event._tag === "Debited" ? [1n, 0n] : [0n, 1n]
    for (const count of counts) {
      const cost = Wallet.cost(event.portions, count.scope)
      const expected = { used: used * cost, held: held * cost }
      if (count.used !== expected.used || count.held !== expected.held)
        this.#notes.differ("counting", `${where}, cap ${count.cap}`, described(expected), described(count))
      if (at < count.start || (count.end !== null && at >= count.end))
        this.#notes.differ(
          "counting",
          `${where}, cap ${count.cap}`,
          `a window of ${new Date(at).toISOString()}`,
          nameOf(count.cap, count.start)
        )
      const reset = this.#resets.get(count.cap)?.find((start) => count.start < start && start < at)
      if (reset !== undefined)
        this.#notes.differ(
          "counting",
          `${where}, cap ${count.cap}`,
          nameOf(count.cap, reset),
          nameOf(count.cap, count.start)
        )
      const cap = this.#caps.get(count.cap)
      if (cap !== undefined && !concerns(cap, member, meter))
        this.#notes.differ("counting", `${where}, cap ${count.cap}`, "not to count in it", "counts")
    }
    for (const owner of this.#lines.at(client, at))
      for (const cap of this.#capsByClient.get(owner) ?? []) {
        const { id, scope, createdAt, removedAt } = cap
        if (!concerns(cap, member, meter)) continue
        const inForce = createdAt < at && (removedAt === null || at < removedAt)
        if (!inForce || Wallet.cost(event.portions, scope) === 0n) continue
        const found = counts.filter(({ cap }) => cap === id).length
        if (found !== 1) this.#notes.differ("counting", where, `to count once in cap ${id}`, `counts ${found} times`)
      }
  }

  #compareLog(cap: Cap): void {
    this.#notes.check("capLog")
    const last = this.#limits.get(cap.id)?.at(-1)?.limit
    const { limit } = limitOf(cap, 0)
    if (last !== limit) this.#notes.differ("capLog", `cap ${cap.id}`, last ?? "an alert", limit ?? "an alert")
  }

  #sum(cap: Id.Id, start: Instant.Instant): Sum {
    const name = nameOf(cap, start)
    const known = this.#sums.get(name)
    if (known !== undefined) return known
    if (!this.#caps.has(cap)) this.#notes.differ("counting", `cap ${cap}`, "a cap of the tree", "none")
    const fresh = { cap, start, used: 0n, held: 0n, touched: false, added: false }
    this.#sums.set(name, fresh)
    return fresh
  }
}

/** By cap, in the order of the log. */
const limitsOf = (changes: ReadonlyArray<Change>): ReadonlyMap<Id.Id, ReadonlyArray<Limit>> => {
  const limits = new Map<Id.Id, Array<Limit>>()
  for (const { kind, at, payload } of changes) {
    if (kind !== kinds.cap) continue
    const { after } = payload as CapSet
    const { enforcement, limit: whole, committed = "0" } = after
    const limit = limitOf({ enforcement, limit: Cost.parse(whole), committed: Cost.parse(committed) }, at)
    limits.set(after.cap, [...(limits.get(after.cap) ?? []), limit])
  }
  return limits
}

/** What the event log says of a cap that was set. */
interface CapSet {
  readonly after: {
    readonly cap: Id.Id
    readonly limit: string
    readonly committed?: string
    readonly enforcement: Cap["enforcement"]
  }
}

const described = ({ used, held }: Pick<Sum, "held" | "used">): string => `${used} used, ${held} held`

const nameOf = (cap: Id.Id, start: Instant.Instant): string => `window ${new Date(start).toISOString()} of cap ${cap}`

const limitOf = (
  { enforcement, limit, committed }: Pick<Cap, "committed" | "enforcement" | "limit">,
  from: Instant.Instant
): Limit => ({ from, limit: enforcement === "hard" ? limit - committed : null })

const concerns = (cap: Cap, member: string | null, meter: string | null): boolean =>
  (cap.member === null || cap.member === member) && (cap.meter === null || cap.meter === meter)

/** By cap. */
const resetsOf = (changes: ReadonlyArray<Change>): ReadonlyMap<Id.Id, ReadonlyArray<Instant.Instant>> => {
  const resets = new Map<Id.Id, Array<Instant.Instant>>()
  for (const { kind, payload } of changes) {
    if (kind !== kinds.reset) continue
    const { cap, start } = payload as { readonly cap: Id.Id; readonly start: Instant.Instant }
    resets.set(cap, [...(resets.get(cap) ?? []), start])
  }
  return resets
}
