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
  const { trx, caller, locked } = session
  const { organization } = caller
  const { client: id, reason, reference, hash = null, lines, method, dueAt } = input
  const client = (await Clients.byIds(trx, organization, [id])).get(id)
  if (client === undefined) throw new Error(`Client ${id} is nowhere`)
  const times = { createdAt: locked.at, updatedAt: locked.at }
  const state = Order.placed(lines)
  const { currency } = client
  const order = { id: Ids.mint(), client: id, reason, reference, hash, currency, lines, state, ...times }
  if (!(await Orders.insert(trx, organization, order))) {
    const known = await Orders.of(trx, organization, id, reason, reference)
    return known === undefined ? null : { order: known, payment: await livePayment(session, known.id) }
  }
  locked.record({
    client: id,
    kind: "order.placed",
    payload: { order: order.id, reason, reference, total: state.total, currency, lines: lines.map(told) }
  })
  return { order, payment: method === null ? null : await intend(session, order, method, dueAt) }
}

/** An intent to pay an order; null where it has a payment that was not declined. */
export const intend = async (
  { trx, caller, locked }: Session,
  { id: order, client, currency, state: { total } }: Orders.Placed,
  method: Method,
  dueAt: Instant.Instant = locked.at
): Promise<Payments.Payment | null> => {
  const payment: Payments.Payment = {
    id: Ids.mint(),
    order,
    client,
    method: method.id,
    connection: method.connection,
    amount: total,
    currency,
    state: Payment.intended(dueAt),
    refunded: 0n as Payments.Payment["refunded"],
    createdAt: locked.at
  }
  return (await Payments.insert(trx, caller.organization, payment)) ? payment : null
}

/** The payment of an order that has not been declined: there is at most one. */
export const livePayment = async (
  { trx, caller }: Pick<Session, "caller" | "trx">,
  order: Id.Id
): Promise<Payments.Payment | null> =>
  (await Payments.ofOrders(trx, caller.organization, [order])).find(({ state }) => state.status !== "declined") ?? null

const told = ({ description, pack, credits, amount }: Order.Line) => ({ description, pack, credits, amount })
