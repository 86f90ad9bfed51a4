/** What a wallet is, as its row keeps it. */
import { Schema } from "effect"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import type { Instant } from "../Instant.ts"
import { isExpired, Lot } from "./Lot.ts"

/** The most live lots of a wallet: it is one row, read and written whole. */
export const mostLots = 64
/** The most credits that a wallet may hold, which keeps every sum within 64 bits. */
export const mostCredits = 1_000_000_000_000_000_000n

/** Credits spent beyond the lots: `used` is owed, `held` is pinned by holds and may come back. */
const Beyond = Schema.Struct({ used: Credits.Credits, held: Credits.Credits })

export const State = Schema.Struct({
  /** How many entries the ledger of this wallet has. */
  seq: Schema.Natural,
  /** Live lots, in burn order. */
  lots: Schema.Array(Lot),
  overage: Schema.Struct({
    ...Beyond.fields,
    /** Of what is used, exactly: what its portions cost. */
    cost: Cost,
    /** The entry that closed it last: what was spent before is invoiced, and not given back here. */
    closed: Schema.Natural
  }),
  overdraft: Beyond,
  /** Owed after chargebacks; the next grant pays it first. */
  debt: Credits.Credits
})
export interface State extends Schema.Schema.Type<typeof State> {}

export const initial: State = {
  seq: 0,
  lots: [],
  overage: { used: 0n, held: 0n, cost: 0n, closed: 0 },
  overdraft: { used: 0n, held: 0n },
  debt: 0n
}

/** What the lots hold that has not ended, less what is owed. Holds are not in it. */
export const balance = (state: State, at: Instant): Credits.Credits => {
  let sum = -state.overdraft.used - state.debt
  for (const lot of state.lots) if (!isExpired(lot, at)) sum += lot.left
  return sum
}

/** What the lots have left that may be spent at an instant. What is owed is not taken off. */
export const level = ({ lots }: State, at: Instant): Credits.Credits => {
  let sum = 0n
  for (const lot of lots) if (lot.effectiveAt <= at && !isExpired(lot, at)) sum += lot.left
  return sum
}

export const isTooLarge = (state: State, more: Credits.Credits): boolean => {
  let sum = more
  for (const lot of state.lots) sum += lot.left + lot.held
  return sum > mostCredits
}

export const held = (state: State): Credits.Credits =>
  state.lots.reduce((sum, lot) => sum + lot.held, state.overage.held + state.overdraft.held)
