/** Promise 1, of raises: what was approved, the cap's log has; and of each cap, one is pending at most. */
import { Cost, type Id, type Instant, type Raise } from "@capstan/domain"
import type { Notes } from "./Findings.ts"
import { type Change, kinds } from "./Group.ts"

interface Limit {
  readonly from: Instant.Instant
  readonly limit: bigint
  readonly isHard: boolean
  /** The raise that set it. */
  readonly raise: string | null
}

export const examine = (notes: Notes, raises: ReadonlyArray<Raise.Raise>, changes: ReadonlyArray<Change>): void => {
  const limits = limitsOf(changes)
  const pending = new Set<Id.Id>()
  for (const raise of raises) {
    const { cap, client, id, status } = raise
    notes.check("raises")
    const where = `raise ${id} of client ${client}`
    if (status === "pending") {
      if (pending.has(cap)) notes.differ("raises", where, `one pending raise of cap ${cap}`, "another")
      pending.add(cap)
    }
    const set = limits.get(cap) ?? []
    const made = set.find((limit) => limit.raise === id)
    if (status !== "approved") {
      if (made !== undefined) notes.differ("raises", where, `no limit set by it, as it is ${status}`, `${made.limit}`)
    } else if (made === undefined ? !stood(set, raise) : made.limit !== raise.limit)
      notes.differ("raises", where, `limit ${raise.limit}`, made === undefined ? "no limit set by it" : `${made.limit}`)
  }
}

/** At the instant of its approval the cap was as high already, or had no more than to tell. */
const stood = (limits: ReadonlyArray<Limit>, { decidedAt, limit }: Raise.Raise): boolean => {
  const at = decidedAt ?? 0
  const past = limits.filter(({ from }) => from <= at)
  const present = past.findLastIndex(({ from }) => from < at)
  return past.slice(Math.max(present, 0)).some((other) => !other.isHard || other.limit >= limit)
}

const limitsOf = (changes: ReadonlyArray<Change>): ReadonlyMap<Id.Id, ReadonlyArray<Limit>> => {
  const limits = new Map<Id.Id, Array<Limit>>()
  for (const { kind, at, payload } of changes) {
    if (kind !== kinds.cap) continue
    const { after, raise = null } = payload as CapSet
    const limit = { from: at, limit: Cost.parse(after.limit), isHard: after.enforcement === "hard", raise }
    limits.set(after.cap, [...(limits.get(after.cap) ?? []), limit])
  }
  return limits
}

/** What the event log says of a cap that was set. */
interface CapSet {
  readonly after: { readonly cap: Id.Id; readonly limit: string; readonly enforcement: string }
  readonly raise?: string
}
