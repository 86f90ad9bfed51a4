/**
 * The promises, recomputed from the ledger of one organization: every wallet is what its entries replay to, every window
 * the sum of their counts, every hold settled once and pinned where it says, and no hard cap passed.
 */
import { Wallet } from "@capstan/domain"
import { assert } from "@effect/vitest"
import type pg from "pg"
import { type EntryJson, entryJson, toEntry } from "../../src/trees/Entry.ts"
import * as Rows from "../../src/trees/Rows.ts"

export interface Audit {
  readonly entries: number
  readonly wallets: ReadonlyMap<string, Wallet.State>
}

/** Where limits were lowered on the way, a cap may stand below what was used of it. */
export const audit = async (pool: pg.Pool, organization: string, lowered = false): Promise<Audit> => {
  const all = async <Row>(text: string): Promise<ReadonlyArray<Row>> =>
    (await pool.query<Row & pg.QueryResultRow>(text, [organization])).rows
  const entries = (
    await all<{ entry: EntryJson }>(
      `select ${entryJson} as entry from entry e where e.organization_id = $1 order by e.payer_id, e.seq`
    )
  ).map(({ entry }) => toEntry(entry))
  const rows = await all<Rows.WalletJson & { client_id: string }>(
    "select client_id, seq::text, lots, remainders, beyond from wallet where organization_id = $1"
  )

  const entriesByPayer = Map.groupBy(entries, ({ payer }) => payer)
  const wallets = new Map<string, Wallet.State>()
  for (const row of rows) {
    const ledger = entriesByPayer.get(row.client_id) ?? []
    assert.deepStrictEqual(
      ledger.map(({ seq }) => seq),
      ledger.map((_, i) => i + 1),
      `the ledger of ${row.client_id} has gaps`
    )
    let wallet = Wallet.initial
    let last = Number.NEGATIVE_INFINITY
    for (const { at, balance, event } of ledger) {
      wallet = Wallet.evolve(wallet, event)
      assert.isAtLeast(at, last, `the ledger of ${row.client_id} goes back in time`)
      assert.strictEqual(balance, Wallet.balance(wallet, at), `the balance after an entry of ${row.client_id}`)
      last = at
    }
    assert.deepStrictEqual(Rows.toWallet(row), wallet, `the wallet of ${row.client_id}`)
    for (const { held, left } of wallet.lots) assert.isTrue(left >= 0n && held >= 0n)
    wallets.set(row.client_id, wallet)
  }
  assert.strictEqual(
    [...entriesByPayer.keys()].filter((payer) => !wallets.has(payer)).length,
    0,
    "entries without a wallet"
  )

  const sums = new Map<string, { used: bigint; held: bigint }>()
  for (const { counts } of entries)
    for (const { cap, start, used, held } of counts) {
      const sum = sums.get(`${cap} ${start}`) ?? { used: 0n, held: 0n }
      sums.set(`${cap} ${start}`, { used: sum.used + used, held: sum.held + held })
    }
  const windows = await all<{ cap: string; start: number; used: string; held: string; hard: boolean; limit: string }>(
    `select w.cap_id as cap, (extract(epoch from w.starts_at) * 1000)::float8 as start, w.used::text, w.held::text,
       c.enforcement = 'hard' as hard, c.limit_cost::text as limit
     from cap_window w join cap c on c.organization_id = w.organization_id and c.id = w.cap_id
     where w.organization_id = $1`
  )
  for (const { cap, start, used, held, hard, limit } of windows) {
    const name = `${cap} ${start}`
    assert.deepStrictEqual(
      { used: BigInt(used), held: BigInt(held) },
      sums.get(name) ?? { used: 0n, held: 0n },
      `the window ${name}`
    )
    assert.isTrue(lowered || !hard || BigInt(used) + BigInt(held) <= BigInt(limit), `the cap ${cap} was passed`)
    assert.isTrue(BigInt(used) >= 0n && BigInt(held) >= 0n)
    sums.delete(name)
  }
  assert.deepStrictEqual([...sums.keys()], [], "counts without a window")

  await auditHolds(all, entries, wallets)
  return { entries: entries.length, wallets }
}

const auditHolds = async (
  all: <Row>(text: string) => Promise<ReadonlyArray<Row>>,
  entries: ReadonlyArray<ReturnType<typeof toEntry>>,
  wallets: ReadonlyMap<string, Wallet.State>
): Promise<void> => {
  const holds = await all<{
    id: string
    payer_id: string
    portions: ReadonlyArray<Rows.PortionJson>
    outcome: string | null
    captured: bigint | null
  }>("select id, payer_id, portions, outcome, captured from hold where organization_id = $1")
  const settlements = Map.groupBy(
    entries.filter(({ event }) => event._tag === "Captured" || event._tag === "Released"),
    ({ hold }) => hold
  )
  const pinned = new Map<string, bigint>()
  for (const { id, payer_id, portions, outcome, captured } of holds) {
    const settled = settlements.get(id) ?? []
    assert.strictEqual(settled.length, outcome === null ? 0 : 1, `the hold ${id} is settled once`)
    for (const { event } of settled) {
      if (event._tag === "Captured") assert.deepStrictEqual([outcome, captured], ["captured", event.amount])
      if (event._tag === "Released") assert.deepStrictEqual([outcome, captured], [event.why, 0n])
    }
    if (outcome !== null) continue
    for (const { from, amount } of Rows.toPortions(portions))
      pinned.set(`${payer_id} ${from}`, (pinned.get(`${payer_id} ${from}`) ?? 0n) + amount)
  }
  for (const [client, { lots }] of wallets)
    for (const { id, held } of lots) assert.strictEqual(held, pinned.get(`${client} ${id}`) ?? 0n, `held of lot ${id}`)
}
