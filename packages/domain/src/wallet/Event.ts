/** The entries of a wallet's ledger, and what each makes of the wallet. */
import { Schema } from "effect"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import { burnOrder, isLive, isSameSort, Lot } from "./Lot.ts"
import { Portion, type Portions } from "./Portion.ts"
import type { State } from "./State.ts"

const Share = Schema.Struct({ lot: Id, amount: Credits.Sum })
const Absorbed = { debt: Credits.Sum, overdraft: Credits.Sum }
const portions = Schema.Array(Portion)

export const Event = Schema.TaggedUnion({
  Debited: { amount: Credits.Amount, portions },
  Reserved: { hold: Id, amount: Credits.Amount, portions, expiresAt: Instant },
  /** `back` went back to its lots, `lapsed` came from lots that have ended, `excess` was never held. */
  Captured: { hold: Id, amount: Credits.Amount, portions, excess: portions, back: portions, lapsed: portions },
  Released: {
    hold: Id,
    amount: Credits.Amount,
    back: portions,
    lapsed: portions,
    why: Schema.Literals(["released", "expired"])
  },
  /** The lot as it stands after it paid what was owed. */
  Granted: { amount: Credits.Positive, lot: Lot, ...Absorbed },
  Expired: { amount: Credits.Sum, lots: Schema.Array(Share) },
  Renewed: { amount: Credits.Amount, at: Instant, replaced: Schema.Array(Share), lots: Schema.Array(Lot), ...Absorbed },
  Reversed: {
    debit: Schema.Natural,
    amount: Credits.Positive,
    portions,
    back: portions,
    revived: Schema.Array(Lot),
    regranted: Schema.NullOr(Lot)
  },
  Owed: { amount: Credits.Positive },
  /** What an entry granted, taken back; where `grant` is null, taken out of whatever lots there were. */
  Revoked: {
    grant: Schema.NullOr(Schema.Natural),
    amount: Credits.Sum,
    lots: Schema.Array(Share),
    owed: Credits.Sum,
    forgiven: Credits.Sum
  },
  OverageClosed: { amount: Credits.Sum, cost: Cost }
})
export type Event = typeof Event.Type

/** Total on what `decide` can emit. */
export const evolve = (before: State, event: Event): State => {
  const { lots, overage, overdraft, debt } = before
  const state = { seq: before.seq + 1, lots, overage, overdraft, debt }
  switch (event._tag) {
    case "Debited":
      return move(state, event.portions, "left", "used")
    case "Reserved":
      return move(state, event.portions, "left", "held")
    case "Captured": {
      const captured = move(state, event.portions, "held", "used")
      const lapsed = move(move(captured, event.back, "held", "left"), event.lapsed, "held", "gone")
      return move(lapsed, event.excess, "left", "used")
    }
    case "Released":
      return move(move(state, event.back, "held", "left"), event.lapsed, "held", "gone")
    case "Granted":
      return { ...absorb(state, event), lots: inserted(state.lots, [event.lot]).filter(isLive) }
    case "Expired":
      return {
        ...state,
        lots: withShares(state.lots, event.lots, (lot, amount) => ({ ...lot, left: lot.left - amount }))
      }
    case "Renewed": {
      const older = withShares(state.lots, event.replaced, (lot, amount) => ({
        ...lot,
        left: lot.left - amount,
        expiresAt: event.at
      }))
      const [fresh] = event.lots
      const outlived = older.map((lot) =>
        fresh !== undefined && isSameSort(lot, fresh) && lot.outlives !== null && lot.outlives > 0
          ? { ...lot, outlives: lot.outlives - 1 }
          : lot
      )
      return { ...absorb(state, event), lots: inserted(outlived, event.lots).filter(isLive) }
    }
    case "Reversed": {
      const revived = { ...state, lots: inserted(state.lots, event.revived) }
      const back = move(revived, event.back, "used", "left")
      return event.regranted === null ? back : { ...back, lots: inserted(back.lots, [event.regranted]) }
    }
    case "Owed":
      return { ...state, debt: state.debt + event.amount }
    case "Revoked":
      return {
        ...state,
        debt: state.debt + event.owed,
        lots: withShares(state.lots, event.lots, (lot, amount) => ({ ...lot, left: lot.left - amount }))
      }
    case "OverageClosed": {
      const { used, held, cost } = state.overage
      return { ...state, overage: { used: used - event.amount, held, cost: cost - event.cost, closed: state.seq } }
    }
  }
}

type Place = "left" | "held" | "used" | "gone"

/** Takes portions from one place of their lot, or of what is beyond the lots, to another. */
const move = (state: State, portions: Portions, from: Place, to: Place): State => {
  if (portions.length === 0) return state
  let lots = state.lots.slice()
  let { overage, overdraft } = state
  let live = true
  for (const portion of portions) {
    const { amount } = portion
    if (portion.from === "unlimited" || portion.from === "overage_elsewhere") continue
    if (portion.from === "overage") {
      const cost = after("used", overage.cost, portion.cost, from, to)
      overage = { ...moved(overage, amount, from, to), cost, closed: overage.closed }
    } else if (portion.from === "overdraft") overdraft = moved(overdraft, amount, from, to)
    else
      for (let i = 0; i < lots.length; i++) {
        const lot = lots[i]
        if (lot === undefined || lot.id !== portion.from) continue
        const left = after("left", lot.left, amount, from, to)
        const held = after("held", lot.held, amount, from, to)
        lots[i] = { ...lot, left, held }
        live &&= left > 0n || held > 0n
      }
  }
  if (!live) lots = lots.filter(isLive)
  return { seq: state.seq, lots, overage, overdraft, debt: state.debt }
}

const moved = (
  { used, held }: State["overdraft"],
  amount: Credits.Credits,
  from: Place,
  to: Place
): State["overdraft"] => ({
  used: after("used", used, amount, from, to),
  held: after("held", held, amount, from, to)
})

/** What one place holds after a move. */
const after = (
  place: Place,
  there: Credits.Credits,
  amount: Credits.Credits,
  from: Place,
  to: Place
): Credits.Credits => (place === to ? there + amount : place === from ? there - amount : there)

const absorb = (state: State, { debt, overdraft }: { readonly debt: bigint; readonly overdraft: bigint }): State => ({
  ...state,
  debt: state.debt - debt,
  overdraft: { ...state.overdraft, used: state.overdraft.used - overdraft }
})

/** Lots with more of them: a lot that is there already grows. */
const inserted = (lots: ReadonlyArray<Lot>, added: ReadonlyArray<Lot>): ReadonlyArray<Lot> => {
  const grown = lots.map((lot) => {
    const more = added.find(({ id }) => id === lot.id)
    return more === undefined ? lot : { ...lot, left: lot.left + more.left }
  })
  const fresh = added.filter(({ id }) => !lots.some((lot) => lot.id === id))
  return [...grown, ...fresh].sort(burnOrder)
}

const withShares = (
  lots: ReadonlyArray<Lot>,
  shares: ReadonlyArray<typeof Share.Type>,
  change: (lot: Lot, amount: Credits.Credits) => Lot
): ReadonlyArray<Lot> =>
  lots
    .map((lot) => {
      const found = shares.find((share) => share.lot === lot.id)
      return found === undefined ? lot : change(lot, found.amount)
    })
    .filter(isLive)
    .sort(burnOrder)
