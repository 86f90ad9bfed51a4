/** Promises 2 and 3, of the wallets of one tree: numbered without a gap, and recomputable from their entries. */
import { type Id, Wallet } from "@capstan/domain"
import type { Entry } from "../trees/Entry.ts"
import * as Rows from "../trees/Rows.ts"
import type { Notes } from "./Findings.ts"
import type { Purse } from "./Group.ts"

export class Purses {
  readonly #notes: Notes
  readonly #purses: ReadonlyArray<Purse>
  readonly #states = new Map<Id.Id, Wallet.State>()
  /** Whose balances are known to differ: all that follow do. */
  readonly #off = new Set<Id.Id>()

  constructor(notes: Notes, purses: ReadonlyArray<Purse>) {
    this.#notes = notes
    this.#purses = purses
  }

  entry(entry: Entry): void {
    const { payer, seq, at, amount, balance, event } = entry
    const where = `entry ${seq} of wallet ${payer}`
    const before = this.#states.get(payer) ?? Wallet.initial
    this.#notes.check("sequence")
    if (seq !== before.seq + 1) this.#notes.differ("sequence", `wallet ${payer}`, before.seq + 1, seq)
    const state = { ...Wallet.evolve(before, event), seq }
    this.#states.set(payer, state)
    this.#notes.check("amounts")
    const sum = sumOf(event)
    if (sum !== amount) this.#notes.differ("amounts", where, sum, amount)
    this.#notes.check("balances")
    const replayed = Wallet.balance(state, at)
    if (replayed === balance || this.#off.has(payer)) return
    this.#off.add(payer)
    this.#notes.differ("balances", `${where}, and those after it`, replayed, balance)
  }

  end(): void {
    for (const { client, state, nextExpiry } of this.#purses) {
      const replayed = this.#states.get(client) ?? Wallet.initial
      if (replayed.seq !== state.seq)
        this.#notes.differ("sequence", `wallet ${client}`, `${state.seq} entries`, `${replayed.seq} entries`)
      this.#notes.check("replay")
      const expected = rowOf(replayed, Rows.nextExpiry(replayed))
      const found = rowOf(state, nextExpiry)
      if (expected !== found) this.#notes.differ("replay", `wallet ${client}`, expected, found)
    }
  }
}

const rowOf = (state: Wallet.State, nextExpiry: number | null): string =>
  `${Rows.lotsText(state.lots)} owing ${Rows.beyondText(state) ?? "nothing"}, next expiry ${nextExpiry ?? "never"}`

/** What the parts of an event come to. */
const sumOf = (event: Wallet.Event): bigint => {
  switch (event._tag) {
    case "Debited":
    case "Reserved":
    case "Reversed":
      return Wallet.total(event.portions)
    case "Captured":
      return Wallet.total(event.portions) + Wallet.total(event.excess)
    case "Released":
      return Wallet.total(event.back) + Wallet.total(event.lapsed)
    case "Granted":
      return event.lot.left + event.debt + event.overdraft
    case "Expired":
      return event.lots.reduce((sum, { amount }) => sum + amount, 0n)
    case "Renewed":
      return (event.lots[0]?.left ?? 0n) + event.debt + event.overdraft
    case "Revoked":
      return event.lots.reduce((sum, { amount }) => sum + amount, event.owed + event.forgiven)
    case "Owed":
    case "OverageClosed":
      return event.amount
  }
}
