/**
 * What the gate is compared with: one transaction a debit on 16 connections, its statements prepared, writing the same
 * rows of wallet, windows and ledger. It decides nothing.
 *
 * `inOneGo` sends a transaction's statements without waiting for each: faster than applications do it, since nothing
 * can be decided between them; measured for scale.
 */
import pg from "pg"
import { v7 as newId } from "uuid"
import { amount, type Arena, type Forest } from "./Arena.ts"

const connections = 16

const month = () => {
  const now = new Date()
  return [
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())),
    new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1))
  ] as const
}

/** Debits a second. */
export const floor = async (
  { url }: Arena,
  { organization, spenders, caps }: Forest,
  pick: () => number,
  seconds: number,
  inOneGo: boolean
): Promise<number> => {
  const [start, end] = month()
  const lot = newId()
  const remainders = JSON.stringify(Array.from({ length: 3 }, () => ["1000000000000", "0"]))
  const detail = JSON.stringify({ portions: [[lot, `${amount}`, "50", 1]] })
  let done = 0
  const until = performance.now() + seconds * 1000
  const spend = async () => {
    const client = new pg.Client({ connectionString: url, pipeline: inOneGo })
    await client.connect()
    while (performance.now() < until) {
      const i = pick()
      const spender = spenders[i] ?? ""
      const above = caps[i] ?? []
      const counts = JSON.stringify(above.map((cap) => [cap, start.getTime(), end.getTime(), "extra", "50", "0"]))
      const run = (name: string, text: string, values: ReadonlyArray<unknown>) =>
        client.query({ name, text, values: [...values] })
      const statements = [
        () => client.query("begin"),
        ...above.map((cap) => () => run("window", window, [organization, cap, start, end])),
        () => run("debit", debit, [organization, spender, remainders]),
        () =>
          run("entry", entry, [
            organization,
            spender,
            newId(),
            `${amount}`,
            detail,
            above.length === 0 ? null : counts,
            new Date()
          ]),
        () => client.query("commit")
      ]
      if (inOneGo) await Promise.all(statements.map((send) => send()))
      else for (const send of statements) await send()
      done++
    }
    await client.end()
  }
  const begun = performance.now()
  await Promise.all(Array.from({ length: connections }, spend))
  return (done * 1000) / (performance.now() - begun)
}

const window = `insert into cap_window as w (organization_id, cap_id, starts_at, ends_at, used, held) values ($1, $2, $3, $4, 50, 0)
  on conflict (organization_id, cap_id, starts_at) do update set used = w.used + excluded.used`
const debit = `update wallet set seq = seq + 1, remainders = $3 where organization_id = $1 and client_id = $2`
const entry = `insert into entry (organization_id, payer_id, seq, client_id, namespace, key, request_hash, kind, asked, amount, balance, detail, counts, at)
  select $1, $2, w.seq, $2, 'caller', $3::text, decode(md5($3::text), 'hex'), 'Debited', $4, $4, 3000000000000, $5, $6, $7
  from wallet w where w.organization_id = $1 and w.client_id = $2`
