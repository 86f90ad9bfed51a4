/**
 * A line of the ledger: one event of a wallet, under the key that caused it, with the windows it counts in.
 *
 * The row has the event's kind and amount in columns, and the rest in `detail`; `toEvent(row)` is the event again.
 */
import type { Credits, Id, Instant, Tree, Wallet } from "@capstan/domain"
import * as Rows from "./Rows.ts"

export interface Entry {
  /** Whose wallet it changed. */
  readonly payer: Id.Id
  /** The wallet's own gapless count, from 1. */
  readonly seq: number
  /** Who spent. */
  readonly client: Id.Id
  readonly namespace: string
  readonly key: string
  readonly asked: Credits.Credits | null
  readonly amount: Credits.Credits
  /** Of the wallet, after it. */
  readonly balance: Credits.Credits
  readonly hold: Id.Id | null
  /** Who spent, and on which meter, where that was said. */
  readonly member: string | null
  readonly meter: string | null
  readonly at: Instant.Instant
  readonly effectiveAt: Instant.Instant | null
  readonly event: Wallet.Event
  readonly counts: ReadonlyArray<Tree.Count>
}

type Share = readonly [lot: string, amount: string]

/** What `detail` may hold, by kind. */
export interface Detail {
  readonly portions?: ReadonlyArray<Rows.PortionJson>
  readonly excess?: ReadonlyArray<Rows.PortionJson>
  readonly back?: ReadonlyArray<Rows.PortionJson>
  readonly lapsed?: ReadonlyArray<Rows.PortionJson>
  readonly expiresAt?: number
  readonly why?: "expired" | "released"
  readonly lots?: ReadonlyArray<Rows.LotJson>
  readonly regranted?: Rows.LotJson | null
  readonly shares?: ReadonlyArray<Share>
  readonly debt?: string
  readonly overdraft?: string
  readonly debit?: number
  readonly grant?: number | null
  readonly owed?: string
  readonly forgiven?: string
  readonly cost?: string
  readonly at?: number
}

const sharesText = (shares: ReadonlyArray<{ readonly lot: string; readonly amount: bigint }>): string =>
  `[${shares.map(({ lot, amount }) => `["${lot}","${amount}"]`).join(",")}]`

export const detailText = (event: Wallet.Event): string => {
  const { portionsText, lotsText } = Rows
  switch (event._tag) {
    case "Debited":
      return `{"portions":${portionsText(event.portions)}}`
    case "Reserved":
      return `{"portions":${portionsText(event.portions)},"expiresAt":${event.expiresAt}}`
    case "Captured":
      return (
        `{"portions":${portionsText(event.portions)},"excess":${portionsText(event.excess)},` +
        `"back":${portionsText(event.back)},"lapsed":${portionsText(event.lapsed)}}`
      )
    case "Released":
      return `{"back":${portionsText(event.back)},"lapsed":${portionsText(event.lapsed)},"why":"${event.why}"}`
    case "Granted":
      return `{"lots":${lotsText([event.lot])},"debt":"${event.debt}","overdraft":"${event.overdraft}"}`
    case "Expired":
      return `{"shares":${sharesText(event.lots)}}`
    case "Renewed":
      return (
        `{"at":${event.at},"shares":${sharesText(event.replaced)},"lots":${lotsText(event.lots)},` +
        `"debt":"${event.debt}","overdraft":"${event.overdraft}"}`
      )
    case "Reversed":
      return (
        `{"debit":${event.debit},"portions":${portionsText(event.portions)},"back":${portionsText(event.back)},` +
        `"lots":${lotsText(event.revived)},"regranted":${event.regranted === null ? "null" : lotsText([event.regranted]).slice(1, -1)}}`
      )
    case "Owed":
      return "{}"
    case "Revoked":
      return (
        `{"grant":${event.grant},"shares":${sharesText(event.lots)},` +
        `"owed":"${event.owed}","forgiven":"${event.forgiven}"}`
      )
    case "OverageClosed":
      return `{"cost":"${event.cost}"}`
  }
}

export const toEvent = (kind: string, amount: Credits.Credits, hold: Id.Id | null, detail: Detail): Wallet.Event => {
  const { toLot, toPortions } = Rows
  const portions = toPortions(detail.portions ?? [])
  const back = toPortions(detail.back ?? [])
  const lapsed = toPortions(detail.lapsed ?? [])
  const lots = (detail.lots ?? []).map(toLot)
  const shares = (detail.shares ?? []).map(([lot, amount]) => ({ lot, amount: BigInt(amount) }))
  const owed = { debt: BigInt(detail.debt ?? 0), overdraft: BigInt(detail.overdraft ?? 0) }
  const [lot] = lots
  switch (kind as Wallet.Event["_tag"]) {
    case "Debited":
      return { _tag: "Debited", amount, portions }
    case "Reserved":
      return { _tag: "Reserved", hold: hold ?? "", amount, portions, expiresAt: detail.expiresAt ?? 0 }
    case "Captured":
      return {
        _tag: "Captured",
        hold: hold ?? "",
        amount,
        portions,
        excess: toPortions(detail.excess ?? []),
        back,
        lapsed
      }
    case "Released":
      return { _tag: "Released", hold: hold ?? "", amount, back, lapsed, why: detail.why ?? "released" }
    case "Granted":
      if (lot === undefined) throw new Error("A granted entry has no lot")
      return { _tag: "Granted", amount, lot, ...owed }
    case "Expired":
      return { _tag: "Expired", amount, lots: shares }
    case "Renewed":
      return { _tag: "Renewed", amount, at: detail.at ?? 0, replaced: shares, lots, ...owed }
    case "Reversed": {
      const regranted = detail.regranted == null ? null : toLot(detail.regranted)
      return { _tag: "Reversed", debit: detail.debit ?? 0, amount, portions, back, revived: lots, regranted }
    }
    case "Owed":
      return { _tag: "Owed", amount }
    case "Revoked": {
      const { grant = null, owed = 0, forgiven = 0 } = detail
      return { _tag: "Revoked", grant, amount, lots: shares, owed: BigInt(owed), forgiven: BigInt(forgiven) }
    }
    case "OverageClosed":
      return { _tag: "OverageClosed", amount, cost: BigInt(detail.cost ?? 0) }
  }
}

/** An entry as the gate's statements return it: amounts as text, instants in milliseconds. */
export interface EntryJson {
  readonly payer: string
  readonly seq: string
  readonly client: string
  readonly namespace: string
  readonly key: string
  readonly hash: string | null
  readonly kind: string
  readonly asked: string | null
  readonly amount: string
  readonly balance: string
  readonly detail: Detail
  readonly counts: ReadonlyArray<Rows.CountJson> | null
  readonly hold: string | null
  readonly member: string | null
  readonly meter: string | null
  readonly at: number
  readonly effectiveAt: number | null
}

/** The SQL that makes an `EntryJson` of a row `e`. */
export const entryJson = `json_build_object('payer', e.payer_id, 'seq', e.seq::text, 'client', e.client_id,
  'namespace', e.namespace, 'key', e.key, 'hash', encode(e.request_hash, 'hex'), 'kind', e.kind, 'asked', e.asked::text,
  'amount', e.amount::text, 'balance', e.balance::text, 'detail', e.detail, 'counts', e.counts, 'hold', e.hold_id,
  'member', e.member, 'meter', e.meter,
  'at', extract(epoch from e.at) * 1000, 'effectiveAt', extract(epoch from e.effective_at) * 1000)`

export const toEntry = (json: EntryJson): Entry => {
  const amount = BigInt(json.amount)
  return {
    payer: json.payer,
    seq: Number(json.seq),
    client: json.client,
    namespace: json.namespace,
    key: json.key,
    asked: json.asked === null ? null : BigInt(json.asked),
    amount,
    balance: BigInt(json.balance),
    hold: json.hold,
    member: json.member,
    meter: json.meter,
    at: json.at,
    effectiveAt: json.effectiveAt,
    event: toEvent(json.kind, amount, json.hold, json.detail),
    counts: Rows.toCounts(json.counts)
  }
}
