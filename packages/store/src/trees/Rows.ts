/**
 * How wallets, entries, holds and windows stand in their rows.
 *
 * A debit writes them, so they are compact and made by hand: arrays in a fixed order, amounts as strings (2^53 is real).
 */
import { type Instant, Rate, type SpendingCap, type Tree, type Wallet } from "@capstan/domain"
import type { Selectable } from "kysely"
import type { Tables } from "../Tables.ts"

type Tuple<T extends ReadonlyArray<unknown>> = T

export type LotJson = Tuple<
  [
    id: string,
    kind: Wallet.Kind,
    left: string,
    held: string,
    priority: number,
    effectiveAt: number,
    expiresAt: number | null,
    unitCost: string,
    source: string,
    allowance: 0 | 1,
    outlives: number | null,
    features: ReadonlyArray<string> | null
  ]
>
export type PortionJson = Tuple<[from: string, amount: string, cost: string, charged: 0 | 1]>
export type PlaceJson = Tuple<[cap: string, start: number, end: number | null, scope: SpendingCap.Scope]>
export type CountJson = Tuple<[...PlaceJson, used: string, held: string]>
export type BeyondJson = Tuple<
  [
    overageUsed: string,
    overageHeld: string,
    overdraftUsed: string,
    overdraftHeld: string,
    debt: string,
    overageCost: string,
    overageClosed: number
  ]
>

const list = <A>(items: ReadonlyArray<A>, text: (item: A) => string): string => {
  let joined = ""
  for (const item of items) joined += joined === "" ? text(item) : `,${text(item)}`
  return `[${joined}]`
}

const lotText = (lot: Wallet.Lot): string =>
  `["${lot.id}","${lot.kind}","${lot.left}","${lot.held}",${lot.priority},${lot.effectiveAt},${lot.expiresAt},` +
  `"${lot.unitCost.numerator}/${lot.unitCost.denominator}",${JSON.stringify(lot.source)},${lot.allowance ? 1 : 0},` +
  `${lot.outlives},${lot.features === null ? "null" : JSON.stringify(lot.features)}]`

export const lotsText = (lots: ReadonlyArray<Wallet.Lot>): string => list(lots, lotText)

export const toLot = (json: LotJson): Wallet.Lot => ({
  id: json[0],
  kind: json[1],
  left: BigInt(json[2]),
  held: BigInt(json[3]),
  priority: json[4],
  effectiveAt: json[5],
  expiresAt: json[6],
  unitCost: Rate.parse(json[7]),
  source: json[8],
  allowance: json[9] === 1,
  outlives: json[10],
  features: json[11]
})

export const portionsText = (portions: Wallet.Portions): string =>
  list(portions, ({ from, amount, cost, charged }) => `["${from}","${amount}","${cost}",${charged ? 1 : 0}]`)

export const toPortions = (json: ReadonlyArray<PortionJson>): Wallet.Portions =>
  json.map(([from, amount, cost, charged]) => ({
    from,
    amount: BigInt(amount),
    cost: BigInt(cost),
    charged: charged === 1
  }))

export const placesText = (places: ReadonlyArray<Tree.Place>): string =>
  list(places, ({ cap, start, end, scope }) => `["${cap}",${start},${end},"${scope}"]`)

export const toPlaces = (json: ReadonlyArray<PlaceJson>): ReadonlyArray<Tree.Place> =>
  json.map(([cap, start, end, scope]) => ({ cap, start, end, scope }))

export const countsText = (counts: ReadonlyArray<Tree.Count>): string | null =>
  counts.length === 0
    ? null
    : list(
        counts,
        ({ cap, start, end, scope, used, held }) => `["${cap}",${start},${end},"${scope}","${used}","${held}"]`
      )

export const toCounts = (json: ReadonlyArray<CountJson> | null): ReadonlyArray<Tree.Count> =>
  (json ?? []).map(([cap, start, end, scope, used, held]) => ({
    cap,
    start,
    end,
    scope,
    used: BigInt(used),
    held: BigInt(held)
  }))

/** Null while nothing is owed, and no overage was ever closed. */
export const beyondText = ({ overage, overdraft, debt }: Wallet.State): string | null => {
  const { used, held, cost, closed } = overage
  if (used === 0n && held === 0n && closed === 0 && overdraft.used === 0n && overdraft.held === 0n && debt === 0n)
    return null
  return `["${used}","${held}","${overdraft.used}","${overdraft.held}","${debt}","${cost}",${closed}]`
}

/** What is left and held of each lot: all that most debits change. */
export const remaindersText = (lots: ReadonlyArray<Wallet.Lot>): string =>
  list(lots, ({ left, held }) => `["${left}","${held}"]`)

/** Whether two lists of lots differ in nothing but their remainders. */
export const isSameLots = (a: ReadonlyArray<Wallet.Lot>, b: ReadonlyArray<Wallet.Lot>): boolean =>
  a.length === b.length &&
  a.every((lot, i) => {
    const other = b[i]
    return other !== undefined && (other === lot || isSameLot(lot, other))
  })

const isSameLot = (a: Wallet.Lot, b: Wallet.Lot): boolean =>
  a.id === b.id &&
  a.kind === b.kind &&
  a.priority === b.priority &&
  a.effectiveAt === b.effectiveAt &&
  a.expiresAt === b.expiresAt &&
  a.source === b.source &&
  a.allowance === b.allowance &&
  a.outlives === b.outlives &&
  (a.unitCost === b.unitCost ||
    (a.unitCost.numerator === b.unitCost.numerator && a.unitCost.denominator === b.unitCost.denominator)) &&
  (a.features === b.features ||
    (a.features?.length === b.features?.length &&
      a.features?.every((feature, i) => b.features?.[i] === feature) === true))

export interface WalletJson {
  readonly seq: string
  readonly lots: ReadonlyArray<LotJson>
  /** Null where the lots are as they stand. */
  readonly remainders: ReadonlyArray<readonly [left: string, held: string]> | null
  readonly beyond: BeyondJson | null
}

export const toWallet = ({ seq, lots, remainders, beyond }: WalletJson): Wallet.State => {
  const [used, held, overdraftUsed, overdraftHeld, debt, cost, closed] = beyond ?? ["0", "0", "0", "0", "0", "0", 0]
  return {
    seq: Number(seq),
    lots: lots.map((json, i) => {
      const lot = toLot(json)
      const [left, held] = remainders?.[i] ?? []
      return left === undefined || held === undefined ? lot : { ...lot, left: BigInt(left), held: BigInt(held) }
    }),
    overage: { used: BigInt(used), held: BigInt(held), cost: BigInt(cost), closed },
    overdraft: { used: BigInt(overdraftUsed), held: BigInt(overdraftHeld) },
    debt: BigInt(debt)
  }
}

/** When the next lot of a wallet ends that has something left to lose. */
export const nextExpiry = ({ lots }: Wallet.State): Instant.Instant | null => {
  let next: Instant.Instant | null = null
  for (const { left, expiresAt } of lots)
    if (left > 0n && expiresAt !== null && (next === null || expiresAt < next)) next = expiresAt
  return next
}

export const toHold = (row: Selectable<Tables["hold"]>): Tree.Hold => ({
  id: row.id,
  client: row.client_id,
  payer: row.payer_id,
  amount: row.amount,
  portions: toPortions(row.portions as ReadonlyArray<PortionJson>),
  places: toPlaces(row.places as ReadonlyArray<PlaceJson>),
  member: row.member,
  meter: row.meter,
  expiresAt: row.expires_at,
  atEnd: row.at_end,
  twin: row.twin_id,
  outcome: row.outcome as Tree.Outcome | null
})
