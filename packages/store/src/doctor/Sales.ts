/**
 * Promise 4, of an organization: what orders come to, that each was paid and granted once, what went back, and what the
 * provider says of it. Some orders at a time, with all that hangs on them, as they stand at one moment.
 *
 * Only the sandbox's books are ours to read. Of what is not settled yet, it may know more than we do.
 */
import { type Id, Order } from "@capstan/domain"
import { sql } from "kysely"
import type { Connection, Trx } from "../Database.ts"
import * as Orders from "../Orders.ts"
import * as PaymentReversals from "../PaymentReversals.ts"
import * as Payments from "../Payments.ts"
import { type Entry, entryJson, type EntryJson, toEntry } from "../trees/Entry.ts"
import type { Notes } from "./Findings.ts"

const page = 200

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last = "00000000-0000-0000-0000-000000000000"
  while (true) {
    const after = last
    const sales = await db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute((trx) => read(trx, organization, after))
    for (const sale of sales) compare(notes, sale)
    last = sales.at(-1)?.order.id ?? last
    if (sales.length < page) break
  }
  await compareBooks(db, organization, notes)
}

/** What the sandbox has on its books. */
interface Charge {
  readonly key: string
  readonly succeeded: boolean
  readonly amount: bigint
  readonly refunded: bigint
  readonly charged_back: bigint
}

interface Sale {
  readonly order: Orders.Placed
  readonly subtotal: bigint
  readonly payments: ReadonlyArray<Payments.Payment>
  readonly reversals: ReadonlyArray<PaymentReversals.Reversal>
  /** Those that granted its credits, and those that took them back. */
  readonly entries: ReadonlyArray<Entry>
  /** By payment; of the sandbox alone. */
  readonly charges: ReadonlyMap<Id.Id, Charge | undefined>
}

const read = async (trx: Trx, organization: Id.Id, after: Id.Id): Promise<ReadonlyArray<Sale>> => {
  const rows = await trx
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", ">", after)
    .orderBy("id")
    .limit(page)
    .execute()
  const subtotals = new Map(rows.map(({ id, subtotal, tax }) => [id, subtotal + tax]))
  const orders = await Orders.withLines(trx, organization, rows)
  const ids = orders.map(({ id }) => id)
  const payments = await Payments.ofOrders(trx, organization, ids)
  const paymentIds = payments.map(({ id }) => id)
  const reversals = await PaymentReversals.ofPayments(trx, organization, paymentIds)
  const names = [...ids, ...reversals.map(({ id }) => id)]
  const { rows: found } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from unnest(${names}::text[], ${[
      ...orders.map(({ client }) => client),
      ...reversals.map(({ payment }) => payments.find(({ id }) => id === payment)?.client ?? "")
    ]}::uuid[]) as n(name, client_id)
    cross join lateral (
      select * from entry e where e.organization_id = ${organization} and e.client_id = n.client_id
        and e.namespace in ('order', 'refund') and (e.key = n.name or e.key like n.name || ':%')
    ) e`.execute(trx)
  const entries = found.map(({ entry }) => toEntry(entry))
  const { rows: charges } = await sql<Charge & { payment: string }>`
    select p.id as payment, c.key, c.outcome->>'_tag' = 'Succeeded' as succeeded, c.amount, c.refunded, c.charged_back
    from payment p
    join gateway_connection g on g.organization_id = p.organization_id and g.id = p.connection_id and g.gateway = 'sandbox'
    left join sandbox_charge c on c.organization_id = p.organization_id and c.key = 'capstan-payment-' || p.id
    where p.organization_id = ${organization} and p.id = any(${paymentIds}::uuid[])`.execute(trx)
  const chargeByPayment = new Map(charges.map((charge) => [charge.payment, charge.key === null ? undefined : charge]))
  return orders.map((order) => {
    const own = payments.filter((payment) => payment.order === order.id)
    const back = reversals.filter(({ payment }) => own.some(({ id }) => id === payment))
    const mine = new Set([order.id, ...back.map(({ id }) => id)])
    return {
      order,
      subtotal: subtotals.get(order.id) ?? 0n,
      payments: own,
      reversals: back,
      entries: entries.filter(({ key }) => mine.has(key.split(":")[0] ?? "")),
      charges: new Map(own.flatMap(({ id }) => (chargeByPayment.has(id) ? [[id, chargeByPayment.get(id)]] : [])))
    }
  })
}

const compare = (notes: Notes, sale: Sale): void => {
  const { order, payments, reversals } = sale
  const where = `order ${order.id}`
  const { status, total, refunded, paidAt } = order.state
  notes.check("totals")
  const sum = Order.totalOf(order.lines)
  if (sum !== total || sale.subtotal !== total) notes.differ("totals", where, `a total of ${sum}`, total)

  notes.check("paid")
  const succeeded = payments.filter(({ state }) => state.status === "succeeded")
  const live = payments.filter(({ state }) => state.status !== "declined")
  if (succeeded.length !== (paidAt === null ? 0 : 1))
    notes.differ("paid", where, `${paidAt === null ? 0 : 1} payment that succeeded`, succeeded.length)
  if (live.length > 1) notes.differ("paid", where, "at most one payment that was not declined", live.length)
  for (const { id, amount } of payments)
    if (amount !== total) notes.differ("paid", `payment ${id}`, `the total, ${total}`, amount)
  const isPaid = status !== "pending" && status !== "void"
  if (isPaid !== (paidAt !== null))
    notes.differ("paid", where, paidAt === null ? "not to be paid" : "to be paid", status)

  compareGrants(notes, sale)

  notes.check("reversed")
  const back = reversals.reduce((all, { amount, state }) => (state.status === "succeeded" ? all + amount : all), 0n)
  if (back !== refunded) notes.differ("reversed", where, `${back} to have gone back`, refunded)
  const given = payments.reduce((all, payment) => all + payment.refunded, 0n)
  if (back !== given) notes.differ("reversed", `payments of ${where}`, `${back} to have gone back`, given)
  for (const reversal of reversals) compareTaken(notes, sale, reversal)
  for (const payment of payments) compareCharge(notes, sale, payment)
}

/** Each credit line of a paid order is granted once, and of another not at all. */
const compareGrants = (notes: Notes, { order, entries }: Sale): void => {
  for (const [position, { pack, credits }] of order.lines.entries()) {
    if (pack === null) continue
    notes.check("granted")
    const key = position === 0 ? order.id : `${order.id}:${position}`
    const grants = entries.filter((entry) => entry.namespace === "order" && entry.key === key)
    const expected = order.state.paidAt === null ? "none" : `${credits}`
    const found = grants.map(({ amount }) => `${amount}`).join(" and ") || "none"
    if (expected !== found) notes.differ("granted", `line ${position} of order ${order.id}`, expected, found)
  }
}

/** What a reversal says that became of the credits is what its entries did. */
const compareTaken = (notes: Notes, { entries }: Sale, reversal: PaymentReversals.Reversal): void => {
  notes.check("revoked")
  const { id, credits, taken, owed, forgiven } = reversal
  const sums = { credits: 0n, owed: 0n, forgiven: 0n }
  for (const { namespace, key, event } of entries) {
    if (namespace !== "refund" || key.split(":")[0] !== id || event._tag !== "Revoked") continue
    sums.credits += event.amount
    sums.owed += event.owed
    sums.forgiven += event.forgiven
  }
  const told = `${sums.credits} revoked, ${sums.owed} owed, ${sums.forgiven} forgiven`
  const found = `${credits} revoked, ${owed} owed, ${forgiven} forgiven`
  if (told !== found || taken !== credits - owed - forgiven) notes.differ("revoked", `reversal ${id}`, told, found)
}

const compareCharge = (notes: Notes, { charges, reversals }: Sale, payment: Payments.Payment): void => {
  if (!charges.has(payment.id)) return
  notes.check("provider")
  const charge = charges.get(payment.id)
  const { status } = payment.state
  const where = `payment ${payment.id}`
  const isCharged = charge?.succeeded === true
  if (status === "succeeded" && !isCharged) notes.differ("provider", where, "a charge", "none")
  if (status === "declined" && isCharged) notes.differ("provider", where, "no charge", charge.amount)
  if (charge === undefined) return
  if (isCharged && charge.amount !== payment.amount)
    notes.differ("provider", where, `a charge of ${payment.amount}`, charge.amount)
  const of = (kind: string, settled: boolean) =>
    reversals.reduce(
      (sum, reversal) =>
        reversal.payment === payment.id &&
        reversal.kind === kind &&
        (reversal.state.status === "succeeded" || (!settled && reversal.state.status !== "declined"))
          ? sum + reversal.amount
          : sum,
      0n
    )
  const [least, most] = [of("refund", true), of("refund", false)]
  if (charge.refunded < least || charge.refunded > most)
    notes.differ("provider", where, `${least === most ? least : `${least} to ${most}`} refunded`, charge.refunded)
  // Of a chargeback we may not have heard yet.
  if (charge.charged_back < of("chargeback", true))
    notes.differ("provider", where, `${of("chargeback", true)} charged back`, charge.charged_back)
}

/** What the sandbox has charged under a name of ours is of a payment of ours. */
const compareBooks = async (db: Connection["db"], organization: Id.Id, notes: Notes): Promise<void> => {
  const { rows } = await sql<{ key: string; amount: bigint }>`
    select c.key, c.amount from sandbox_charge c
    where c.organization_id = ${organization} and c.key like 'capstan-payment-%' and not exists (
      select from payment p where p.organization_id = ${organization} and 'capstan-payment-' || p.id = c.key
    ) limit 100`.execute(db)
  notes.check("provider")
  for (const { key, amount } of rows) notes.differ("provider", `charge ${key}`, "a payment of that name", amount)
}

/** Every grant that was made for an order is of a line of one that was paid. */
export const compareEntries = async (
  db: Connection["db"],
  organization: Id.Id,
  grants: ReadonlyArray<{ readonly client_id: string; readonly key: string }>,
  notes: Notes
): Promise<void> => {
  if (grants.length === 0) return
  const { rows } = await sql<{ client_id: string; key: string }>`
    select g.client_id, g.key
    from unnest(${grants.map(({ client_id }) => client_id)}::uuid[], ${grants.map(({ key }) => key)}::text[])
      as g(client_id, key)
    where not exists (
      select from billing_order o join order_line l on l.organization_id = o.organization_id and l.order_id = o.id
      where o.organization_id = ${organization} and o.client_id = g.client_id and o.paid_at is not null
        and l.pack_id is not null
        and g.key = case when l.position = 0 then o.id::text else o.id::text || ':' || l.position end
        and o.id::text = split_part(g.key, ':', 1)
    )`.execute(db)
  notes.check("granted", grants.length)
  for (const { client_id, key } of rows)
    notes.differ("granted", `grant ${key} of client ${client_id}`, "a line of a paid order", "none")
}
