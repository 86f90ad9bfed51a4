/**
 * Placing orders, and intents to pay them, in the caller's transaction. Nothing is asked of a provider here: the intent says
 * that it will be.
 */
import { type Id, type Instant, Order, Payment } from "@capstan/domain"
import { Clients, Ids, Orders, type PaymentMethods, Payments } from "@capstan/store"
import type { Session } from "../subscriptions/Serve.ts"

/** What an order is to be paid with. */
export type Method = Pick<PaymentMethods.PaymentMethod, "connection" | "id">

export interface NewOrder {
  /** Whose order it is: who is granted its credits. It was named when the door was opened. */
  readonly client: Id.Id
  readonly reason: Order.Reason
  /** What it is for: with the reason, there is one order of it. */
  readonly reference: string
  /** Of the request that asks for it; null where nobody does. */
  readonly hash?: Buffer | null
  readonly lines: ReadonlyArray<Order.Line>
  /** Null where nothing can be paid with: the order waits. */
  readonly method: Method | null
  /** When the worker is to see to the payment; at once unless told. */
  readonly dueAt?: Instant.Instant
}

export interface Placed {
  readonly order: Orders.Placed
  /** The one that has not been declined; null where there is none. */
  readonly payment: Payments.Payment | null
}

/** Where there is an order for it already, that one, and nothing is done. */
export const placeOrder = async (session: Session, input: NewOrder): Promise<Placed> => {
  const placed = await tryPlaceOrder(session, input)
  if (placed === null) throw new Error(`The ${input.reason} ${input.reference} is another client's`)
  return placed
}

/** The same; null where what it is for is another client's, as a key may be that somebody else has used. */
export const tryPlaceOrder = async (session: Session, input: NewOrder): Promise<Placed | null> => {
  const { trx, caller } = session
  const { organization } = caller
  const { client, reason, reference } = input
  const [placed] = await placeOrders(session, [input])
  if (placed !== undefined) return placed
  const known = await Orders.of(trx, organization, client, reason, reference)
  return known === undefined ? null : { order: known, payment: await livePayment(session, known.id) }
}

/** Of many, those that there were none of as yet; statements do not grow with them. */
export const placeOrders = async (
  { trx, caller: { organization }, locked }: Session,
  inputs: ReadonlyArray<NewOrder>
): Promise<ReadonlyArray<Placed>> => {
  const clients = await Clients.byIds(trx, organization, [...new Set(inputs.map(({ client }) => client))])
  const inputById = new Map(inputs.map((input) => [Ids.mint(), input]))
  const times = { createdAt: locked.at, updatedAt: locked.at }
  const orders = [...inputById].map(([id, { client, reason, reference, hash = null, lines }]): Orders.Placed => {
    const currency = clients.get(client)?.currency
    if (currency === undefined) throw new Error(`Client ${client} is nowhere`)
    return { id, client, reason, reference, hash, currency, lines, state: Order.placed(lines), ...times }
  })
  const placed = (await Orders.insert(trx, organization, orders)).map((order): Placed => {
    const { id, client, reason, reference, lines, currency, state } = order
    const payload = { order: id, reason, reference, total: state.total, currency, lines: lines.map(told) }
    locked.record({ client, kind: "order.placed", payload })
    const { method = null, dueAt = locked.at } = inputById.get(id) ?? {}
    return { order, payment: method === null ? null : intentOf(order, method, dueAt, locked.at) }
  })
  await Payments.insertAll(
    trx,
    organization,
    placed.flatMap(({ payment }) => payment ?? [])
  )
  return placed
}

/** An intent to pay an order; null where it has a payment that was not declined. */
export const intend = async (
  { trx, caller, locked }: Session,
  order: Orders.Placed,
  method: Method,
  dueAt: Instant.Instant = locked.at
): Promise<Payments.Payment | null> => {
  const payment = intentOf(order, method, dueAt, locked.at)
  return (await Payments.insert(trx, caller.organization, payment)) ? payment : null
}

const intentOf = (
  { id: order, client, currency, state: { total } }: Orders.Placed,
  method: Method,
  dueAt: Instant.Instant,
  at: Instant.Instant
): Payments.Payment => ({
  id: Ids.mint(),
  order,
  client,
  method: method.id,
  connection: method.connection,
  amount: total,
  currency,
  state: Payment.intended(dueAt),
  refunded: 0n as Payments.Payment["refunded"],
  createdAt: at
})

/** The payment of an order that has not been declined: there is at most one. */
export const livePayment = async (
  { trx, caller }: Pick<Session, "caller" | "trx">,
  order: Id.Id
): Promise<Payments.Payment | null> =>
  (await Payments.ofOrders(trx, caller.organization, [order])).find(({ state }) => state.status !== "declined") ?? null

const told = ({ description, pack, credits, amount }: Order.Line) => ({ description, pack, credits, amount })
