/**
 * Promise 9, of the clients of one tree: no entry that spends or renews lies inside a suspension of its client or of an
 * ancestor. What was reserved before may be captured, up to what was held.
 */
import type { Id, Instant } from "@capstan/domain"
import type { Entry } from "../trees/Entry.ts"
import type { Notes } from "./Findings.ts"
import { type Change, type Client, kinds } from "./Group.ts"
import type { Lines } from "./Lines.ts"

interface Interval {
  readonly cause: string
  readonly from: Instant.Instant
  to: Instant.Instant
}

const never = Number.POSITIVE_INFINITY

export class Suspensions {
  readonly #notes: Notes
  readonly #clients: ReadonlyArray<Client>
  readonly #lines: Lines
  readonly #intervals = new Map<Id.Id, Array<Interval>>()

  constructor(notes: Notes, clients: ReadonlyArray<Client>, lines: Lines, changes: ReadonlyArray<Change>) {
    this.#notes = notes
    this.#clients = clients
    this.#lines = lines
    for (const { client, kind, at, payload } of changes) {
      const intervals = this.#intervals.get(client) ?? []
      if (kind === kinds.suspended) {
        const { suspension } = payload as { readonly suspension: { readonly cause: string } }
        intervals.push({ cause: suspension.cause, from: at, to: never })
      } else if (kind === kinds.lifted) {
        const { cause } = payload as { readonly cause: string }
        for (const interval of intervals) if (interval.cause === cause && interval.to === never) interval.to = at
      } else continue
      this.#intervals.set(client, intervals)
    }
  }

  /** At the very instant of a change it may have come before or after it. */
  entry({ event, payer, seq, client, at }: Entry): void {
    const spends =
      event._tag === "Debited" ||
      event._tag === "Reserved" ||
      event._tag === "Renewed" ||
      (event._tag === "Captured" && event.excess.length > 0)
    if (!spends) return
    this.#notes.check("suspended")
    for (const member of this.#lines.at(client, at))
      for (const { from, to } of this.#intervals.get(member) ?? [])
        if (from < at && at < to)
          this.#notes.differ(
            "suspended",
            `entry ${seq} of wallet ${payer}`,
            `no ${event._tag} while ${member} is suspended (from ${iso(from)})`,
            `one at ${iso(at)}`
          )
  }

  end(): void {
    for (const { id, causes } of this.#clients) {
      this.#notes.check("suspensions")
      const open = (this.#intervals.get(id) ?? []).filter(({ to }) => to === never).map(({ cause }) => cause)
      const [expected, found] = [open.sort().join(", ") || "none", causes.join(", ") || "none"]
      if (expected !== found) this.#notes.differ("suspensions", `client ${id}`, expected, found)
    }
  }
}

const iso = (at: Instant.Instant): string => new Date(at).toISOString()
