/**
 * Promise 4, of the periods of subscriptions: one that was paid for was served, and once, or all of its money goes back; and
 * what was paid for is not billed again. Some orders at a time, as they stand at one moment.
 */
import type { Id } from "@capstan/domain"
import { sql } from "kysely"
import type { Connection } from "../Database.ts"
import type { Notes } from "./Findings.ts"

const page = 200

interface Row {
  readonly order: Id.Id
  readonly period: string | null
  readonly paid: boolean
  readonly total: bigint
  readonly outcome: "given_back" | "served" | null
  /** Whether the subscription is in that period, and says that it was charged; null where it has gone on. */
  readonly charged: boolean | null
  /** How many orders of the period were served. */
  readonly served: number
  /** What has gone back of it, or is about to. */
  readonly back: bigint
}

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const { rows } = await sql<Row>`
      select o.id as order, b.subscription_id || ':' || b.epoch || ':' || b.period as period, o.paid_at is not null as paid,
        o.total, b.outcome,
        case when (s.state ->> 'epoch')::int = b.epoch and (s.state ->> 'index')::int = b.period
          then (s.state ->> 'charged')::boolean end as charged,
        (select count(*)::int from billed_period t where t.organization_id = ${organization}
          and t.subscription_id = b.subscription_id and t.epoch = b.epoch and t.period = b.period
          and t.outcome = 'served') as served,
        (select coalesce(sum(r.amount), 0)::bigint from payment p
          join payment_reversal r on r.organization_id = p.organization_id and r.payment_id = p.id
          where p.organization_id = ${organization} and p.order_id = o.id and r.status <> 'declined') as back
      from billing_order o
      left join billed_period b on b.organization_id = o.organization_id and b.order_id = o.id
      left join subscription s on s.organization_id = b.organization_id and s.id = b.subscription_id
      where o.organization_id = ${organization} and o.reason = 'subscription_cycle' and o.id > ${last}
      order by o.id limit ${page}`.execute(db)
    for (const row of rows) compare(notes, row)
    last = rows.at(-1)?.order ?? last
    if (rows.length < page) return
  }
}

const compare = (notes: Notes, { order, period, paid, total, outcome, charged, served, back }: Row): void => {
  notes.check("billed")
  const where = `order ${order}`
  const differ = (expected: string, found: bigint | number | string) => notes.differ("billed", where, expected, found)
  if (period === null) return differ("a period that it bills", "none")
  if (paid !== (outcome !== null)) differ(paid ? "something to have come of it" : "nothing yet", outcome ?? "nothing")
  if (served > 1) differ(`period ${period} to be served for one order`, served)
  if (outcome === "served" && charged === false) differ(`period ${period} to be charged`, "not charged")
  if (outcome === "given_back" && back !== total) differ(`${total} to go back`, back)
}
