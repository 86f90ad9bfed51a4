/**
 * Promise 5, of an organization: that of each wallet one recharge was in flight at a time, within the ceilings that held
 * when it was begun, and that the state of each is what its attempts have made of it. Some wallets at a time, as they stand
 * at one moment.
 */
import { Calendar, type Id, type Instant } from "@capstan/domain"
import { sql } from "kysely"
import type { Connection, Trx } from "../Database.ts"
import type { Notes } from "./Findings.ts"

const page = 50

interface Wallet {
  readonly client: Id.Id
  readonly phase: string
  readonly enabled: boolean
  readonly crossing: bigint
  readonly consented: boolean
}

interface Attempt {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly crossing: bigint
  readonly credits: bigint
  readonly amount: bigint
  readonly status: "failed" | "in_flight" | "succeeded"
  readonly max_per_day: bigint | null
  readonly max_per_month: bigint | null
  readonly time_zone: string
  readonly at: Instant.Instant
  readonly settled_at: Instant.Instant | null
  /** Of its order. */
  readonly reason: string | null
  readonly reference: string | null
  readonly total: bigint | null
  readonly order_status: string | null
  readonly paid_at: Instant.Instant | null
  /** What was granted for it. */
  readonly grants: bigint
  readonly granted: bigint
}

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const after = last
    const { wallets, attempts } = await db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute((trx) => read(trx, organization, after))
    const attemptsByClient = Map.groupBy(attempts, ({ client }) => client)
    for (const wallet of wallets) compare(notes, wallet, attemptsByClient.get(wallet.client) ?? [])
    last = wallets.at(-1)?.client ?? last
    if (wallets.length < page) return
  }
}

const read = async (trx: Trx, organization: Id.Id, after: Id.Id) => {
  const { rows: wallets } = await sql<Wallet>`
    select client_id as client, phase, enabled, crossing, consented_at is not null as consented from auto_recharge
    where organization_id = ${organization} and client_id > ${after} order by client_id limit ${page}`.execute(trx)
  const { rows: attempts } = await sql<Attempt>`
    select r.id, r.client_id as client, r.crossing, r.credits, r.amount, r.status, r.max_per_day, r.max_per_month,
      r.time_zone, r.at, r.settled_at, o.reason, o.reference, o.total, o.status as order_status, o.paid_at,
      e.grants, e.granted
    from recharge r
    left join billing_order o on o.organization_id = r.organization_id and o.id = r.order_id
    cross join lateral (
      select count(*) as grants, coalesce(sum(amount), 0)::bigint as granted from entry e
      where e.organization_id = r.organization_id and e.client_id = r.client_id and e.namespace = 'order'
        and (e.key = r.order_id::text or e.key like r.order_id || ':%')
    ) e
    where r.organization_id = ${organization} and r.client_id = any(${wallets.map(({ client }) => client)}::uuid[])
    order by r.client_id, r.crossing`.execute(trx)
  return { wallets, attempts }
}

const compare = (notes: Notes, wallet: Wallet, attempts: ReadonlyArray<Attempt>): void => {
  const of = `the recharge of client ${wallet.client}`
  notes.check("recharging")
  const inFlight = attempts.filter(({ status }) => status === "in_flight").length
  const expected = wallet.phase === "in_flight" ? 1 : 0
  if (inFlight !== expected) notes.differ("recharging", of, `${expected} in flight, as it is ${wallet.phase}`, inFlight)
  const crossed = attempts.at(-1)?.crossing ?? 0n
  if (wallet.crossing < crossed) notes.differ("recharging", of, `crossing ${crossed} at least`, wallet.crossing)
  if (wallet.enabled && !wallet.consented) notes.differ("recharging", of, "somebody's consent", "nobody's")

  let landed: Instant.Instant | null = Number.NEGATIVE_INFINITY
  attempts.forEach((attempt, i) => {
    const where = `recharge ${attempt.crossing} of client ${wallet.client}`
    notes.check("flights")
    if (landed === null || attempt.at < landed)
      notes.differ("flights", where, "to begin when the one before has come to an end", "two in flight")
    landed = attempt.settled_at
    if (attempt.status !== "failed") compareCeilings(notes, where, attempts.slice(0, i + 1), attempt)
    compareOrder(notes, where, wallet, attempt)
  })
}

/** With all that was begun before it in the same day and month, and did not fail. */
const compareCeilings = (notes: Notes, where: string, upTo: ReadonlyArray<Attempt>, attempt: Attempt): void => {
  const zone = Calendar.Zone.make(attempt.time_zone)
  for (const [unit, ceiling] of [
    ["day", attempt.max_per_day],
    ["month", attempt.max_per_month]
  ] as const) {
    if (ceiling === null) continue
    notes.check("ceilings")
    const { start } = Calendar.windowAt(unit, zone, attempt.at)
    let bought = 0n
    for (let i = upTo.length - 1; i >= 0; i--) {
      const other = upTo[i]
      if (other === undefined || other.at < start) break
      if (other.status !== "failed") bought += other.amount
    }
    if (bought > ceiling) notes.differ("ceilings", where, `at most ${ceiling} in its ${unit}`, bought)
  }
}

const orderOf = { in_flight: ["pending"], succeeded: ["paid", "partially_refunded", "refunded"], failed: ["void"] }

const compareOrder = (notes: Notes, where: string, { client }: Wallet, attempt: Attempt): void => {
  notes.check("recharged")
  const { amount, credits, crossing, grants, granted, order_status, paid_at, reason, reference, status, total } =
    attempt
  if (reason !== "auto_recharge" || reference !== `${client}:${crossing}`)
    notes.differ("recharged", where, `an order of auto_recharge ${client}:${crossing}`, `${reason} ${reference}`)
  if (total !== amount) notes.differ("recharged", where, `an order of ${amount}`, `${total}`)
  const statuses: ReadonlyArray<string> = orderOf[status]
  if (!statuses.includes(order_status ?? "") || (paid_at !== null) !== (status === "succeeded"))
    notes.differ("recharged", where, `an order that is ${statuses.join(" or ")}`, `${order_status}`)
  const [one, all] = status === "succeeded" ? [1n, credits] : [0n, 0n]
  if (grants !== one || granted !== all)
    notes.differ("recharged", where, `${one} grant of ${all}`, `${grants} of ${granted}`)
}
