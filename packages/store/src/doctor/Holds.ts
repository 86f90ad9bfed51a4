/** Promise 8, of the holds of one tree: what is pinned is what open holds pin, and every hold ends once, by its entry. */
import { type Id, Wallet } from "@capstan/domain"
import type { Entry } from "../trees/Entry.ts"
import * as Rows from "../trees/Rows.ts"
import type { Notes } from "./Findings.ts"
import { type Halves, type Hold, type Purse, settledName, type Window } from "./Group.ts"

export interface Settlement {
  readonly hold: Id.Id
  readonly outcome: string
  readonly captured: bigint
  /** It was settled by its end, not by anyone. */
  readonly lapsed: boolean
}

export class Holds {
  readonly #notes: Notes
  readonly #halves: ReadonlyMap<Id.Id, Halves>
  readonly #reserved = new Map<Id.Id, Entry>()
  readonly #counts = new Map<string, number>()
  #settlements: Array<Settlement> = []

  constructor(notes: Notes, halves: ReadonlyArray<Halves>) {
    this.#notes = notes
    this.#halves = new Map(halves.map((halves) => [halves.id, halves]))
  }

  entry(entry: Entry): void {
    const { event, payer } = entry
    if (event._tag === "Reserved") {
      this.#notes.check("settled")
      this.#reserved.set(event.hold, entry)
    }
    if (event._tag !== "Captured" && event._tag !== "Released") return
    const { hold } = event
    const outcome = event._tag === "Captured" ? "captured" : event.why
    if (!this.#reserved.delete(hold) && !this.#halves.has(hold))
      this.#notes.differ("settled", `hold ${hold}`, "to be open", `${outcome} by entry ${entry.seq} of ${payer}`)
    const name = settledName(payer, outcome)
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    const captured = event._tag === "Captured" ? event.amount : 0n
    this.#settlements.push({ hold, outcome, captured, lapsed: entry.namespace === "lapse" })
  }

  get settlements(): ReadonlyArray<Settlement> {
    return this.#settlements
  }

  /** The settlements since they were last taken, to be compared with their rows. */
  taken(): ReadonlyArray<Settlement> {
    const settlements = this.#settlements
    this.#settlements = []
    return settlements
  }

  end(
    open: ReadonlyArray<Hold>,
    settled: ReadonlyMap<string, number>,
    purses: ReadonlyArray<Purse>,
    windows: ReadonlyArray<Window>
  ): void {
    this.#compareOpen(open)
    for (const halves of this.#halves.values()) compareHalves(this.#notes, halves)
    for (const { client } of purses)
      for (const outcome of ["captured", "released", "expired"]) {
        const name = settledName(client, outcome)
        const [entries, rows] = [this.#counts.get(name) ?? 0, settled.get(name) ?? 0]
        if (entries !== rows)
          this.#notes.differ(
            "settled",
            `holds of ${client} that were ${outcome}`,
            `${entries} by entries`,
            `${rows} rows`
          )
      }
    comparePinned(this.#notes, open, purses, windows)
  }

  #compareOpen(open: ReadonlyArray<Hold>): void {
    const openById = new Map(open.map((hold) => [hold.id, hold]))
    for (const { id } of open)
      if (!this.#reserved.has(id) && !this.#halves.has(id))
        this.#notes.differ("settled", `hold ${id}`, "no open hold, by the entries", "open")
    for (const [id, { event, client, payer }] of this.#reserved) {
      if (event._tag !== "Reserved") continue
      const hold = openById.get(id)
      const expected = described({ ...event, client, payer })
      const found = hold === undefined ? "not there, or settled without an entry" : described(hold)
      if (expected !== found) this.#notes.differ("settled", `hold ${id}`, expected, found)
    }
  }
}

/** Each may come to its end by itself; what somebody settles is settled in both. */
const compareHalves = (notes: Notes, { half, id, main }: Halves): void => {
  notes.check("halves")
  const ended = (hold: typeof half): boolean => hold.settledAt !== null && hold.settledAt >= hold.expiresAt
  if (main === undefined) return notes.differ("halves", `hold ${id}`, "another half", "none")
  const alike = {
    ...main,
    captured: main.captured !== null && main.captured > half.amount ? half.amount : main.captured
  }
  const [expected, found] = [outcomeOf(alike), outcomeOf(half)]
  const oneIsOpen = (main.outcome === null && ended(half)) || (half.outcome === null && ended(main))
  if (expected !== found && !oneIsOpen) notes.differ("halves", `hold ${id}`, expected, found)
}

const outcomeOf = ({ amount, captured, expiresAt, outcome }: Halves["half"]): string =>
  `${amount} until ${new Date(expiresAt).toISOString()}, ${outcome ?? "open"}, ${captured ?? 0n} captured`

const described = ({
  client,
  payer,
  amount,
  portions,
  expiresAt
}: Pick<Hold, "amount" | "client" | "expiresAt" | "payer" | "portions">) =>
  `${amount} for ${client} from ${payer} until ${new Date(expiresAt).toISOString()}, ${Rows.portionsText(portions)}`

const comparePinned = (
  notes: Notes,
  open: ReadonlyArray<Hold>,
  purses: ReadonlyArray<Purse>,
  windows: ReadonlyArray<Window>
): void => {
  const sums = new Map<string, bigint>()
  const add = (name: string, amount: bigint) => sums.set(name, (sums.get(name) ?? 0n) + amount)
  for (const { payer, portions, places } of open) {
    for (const { from, amount } of portions)
      if (from !== "unlimited" && from !== "overage_elsewhere") add(`${from} of wallet ${payer}`, amount)
    for (const { cap, start, scope } of places) add(windowName(cap, start), Wallet.cost(portions, scope))
  }
  const compare = (name: string, held: bigint): void => {
    notes.check("pinned")
    const expected = sums.get(name) ?? 0n
    sums.delete(name)
    if (expected !== held) notes.differ("pinned", name, `${expected} held`, `${held} held`)
  }
  for (const { client, state } of purses) {
    for (const { id, held } of state.lots) compare(`${id} of wallet ${client}`, held)
    compare(`overage of wallet ${client}`, state.overage.held)
    compare(`overdraft of wallet ${client}`, state.overdraft.held)
  }
  for (const { cap, start, held } of windows) compare(windowName(cap, start), held)
  for (const [name, amount] of sums) if (amount !== 0n) notes.differ("pinned", name, `${amount} held`, "no row")
}

const windowName = (cap: Id.Id, start: number): string => `window ${new Date(start).toISOString()} of cap ${cap}`

interface Row {
  readonly outcome: string | null
  readonly captured: bigint | null
  readonly amount: bigint
  readonly at_end: string
}

/** Settled holds as their rows tell: each as its entry says. Of those that ended by themselves, leases are captured whole. */
export const compareSettled = (
  notes: Notes,
  settlements: ReadonlyArray<Settlement>,
  rowsById: ReadonlyMap<Id.Id, Row>
): void => {
  for (const { hold, outcome, captured, lapsed } of settlements) {
    const row = rowsById.get(hold)
    const expected = `${outcome}, ${captured} captured`
    const found = row === undefined ? "no row" : `${row.outcome ?? "open"}, ${row.captured ?? 0n} captured`
    if (expected !== found) notes.differ("settled", `hold ${hold}`, expected, found)
    if (!lapsed || row === undefined) continue
    const end = row.at_end === "capture" ? `captured, ${row.amount} captured` : "expired, 0 captured"
    if (end !== expected) notes.differ("settled", `the end of hold ${hold}`, end, expected)
  }
}
