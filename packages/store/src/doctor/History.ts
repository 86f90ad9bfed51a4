/**
 * The entries of some wallets, up to the count that each had, in the order of time.
 *
 * Wallets of one tree are written one after the other, so their entries never go back in time; those of one millisecond
 * come wallet by wallet.
 */
import type { Id, Instant } from "@capstan/domain"
import { sql } from "kysely"
import type { Connection } from "../Database.ts"
import { type Detail, type Entry, toEvent } from "../trees/Entry.ts"
import * as Rows from "../trees/Rows.ts"

interface Cursor {
  readonly payer: Id.Id
  readonly upTo: number
  /** The last that has been read. */
  after: number
  page: number
  done: boolean
  at: Instant.Instant
  buffer: Array<Dated>
}

export interface Dated {
  readonly entry: Entry
  /** When its tree had come so far: its own instant, or that of an entry before it. */
  readonly time: Instant.Instant
}

const firstPage = 50
const longestPage = 2_000
const walletsAtOnce = 200

export class History {
  readonly #db: Pick<Connection, "db">
  readonly #organization: Id.Id
  readonly #cursors: ReadonlyMap<Id.Id, Cursor>

  constructor(db: Pick<Connection, "db">, organization: Id.Id, wallets: ReadonlyMap<Id.Id, number>) {
    this.#db = db
    this.#organization = organization
    this.#cursors = new Map(
      Array.from(wallets, ([payer, upTo]) => [
        payer,
        { payer, upTo, after: 0, page: firstPage, done: upTo === 0, at: Number.NEGATIVE_INFINITY, buffer: [] }
      ])
    )
  }

  /** Of these wallets together. */
  async *of(payers: ReadonlyArray<Id.Id>): AsyncGenerator<Dated> {
    const cursors = payers.flatMap((payer) => this.#cursors.get(payer) ?? [])
    while (true) {
      await this.#fill(cursors.filter(({ buffer, done }) => buffer.length === 0 && !done))
      let horizon = Number.POSITIVE_INFINITY
      for (const { buffer, done } of cursors) if (!done) horizon = Math.min(horizon, buffer.at(-1)?.time ?? horizon)
      const ready: Array<Dated> = []
      for (const cursor of cursors) {
        const beyond = cursor.buffer.findIndex(({ time }) => time > horizon)
        const count = beyond < 0 ? cursor.buffer.length : beyond
        for (const dated of cursor.buffer.splice(0, count)) ready.push(dated)
      }
      if (ready.length === 0) return
      yield* ready.sort((a, b) => a.time - b.time)
    }
  }

  /** The first page of each, so that many short wallets cost few round trips. */
  prefetch(): Promise<void> {
    return this.#fill([...this.#cursors.values()].filter(({ done }) => !done))
  }

  async #fill(cursors: ReadonlyArray<Cursor>): Promise<void> {
    for (let i = 0; i < cursors.length; i += walletsAtOnce) await this.#read(cursors.slice(i, i + walletsAtOnce))
  }

  async #read(cursors: ReadonlyArray<Cursor>): Promise<void> {
    const { rows } = await sql<Row>`
      select e.payer_id, e.seq, e.client_id, e.namespace, e.key, e.kind, e.asked, e.amount, e.balance, e.detail, e.counts,
        e.hold_id, e.member, e.meter, e.at, e.effective_at
      from unnest(${cursors.map(({ payer }) => payer)}::uuid[], ${cursors.map(({ after }) => after)}::bigint[],
        ${cursors.map(({ upTo }) => upTo)}::bigint[], ${cursors.map(({ page }) => page)}::bigint[])
        as w(payer_id, after, up_to, page)
      cross join lateral (
        select * from entry e
        where e.organization_id = ${this.#organization} and e.payer_id = w.payer_id and e.seq > w.after and e.seq <= w.up_to
        order by e.seq limit w.page
      ) e`.execute(this.#db.db)
    const rowsByPayer = Map.groupBy(rows, ({ payer_id }) => payer_id)
    for (const cursor of cursors) {
      const read = (rowsByPayer.get(cursor.payer) ?? []).sort((a, b) => Number(a.seq - b.seq))
      for (const row of read) {
        cursor.at = Math.max(cursor.at, row.at)
        cursor.buffer.push({ entry: toEntry(row), time: cursor.at })
      }
      cursor.after = Number(read.at(-1)?.seq ?? cursor.upTo)
      cursor.done = read.length < cursor.page || cursor.after >= cursor.upTo
      cursor.page = Math.min(cursor.page * 4, longestPage)
    }
  }
}

interface Row {
  readonly payer_id: string
  readonly seq: bigint
  readonly client_id: string
  readonly namespace: string
  readonly key: string
  readonly kind: string
  readonly asked: bigint | null
  readonly amount: bigint
  readonly balance: bigint
  readonly detail: Detail
  readonly counts: ReadonlyArray<Rows.CountJson> | null
  readonly hold_id: string | null
  readonly member: string | null
  readonly meter: string | null
  readonly at: number
  readonly effective_at: number | null
}

const toEntry = (row: Row): Entry => ({
  payer: row.payer_id,
  seq: Number(row.seq),
  client: row.client_id,
  namespace: row.namespace,
  key: row.key,
  asked: row.asked,
  amount: row.amount,
  balance: row.balance,
  hold: row.hold_id,
  member: row.member,
  meter: row.meter,
  at: row.at,
  effectiveAt: row.effective_at,
  event: toEvent(row.kind, row.amount, row.hold_id, row.detail),
  counts: Rows.toCounts(row.counts)
})
