/** What answers the procedures of orders. */
import { refundOrder } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import type { Money } from "@capstan/domain"
import { OrderView } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { reversal } from "./payments.ts"
import { read } from "./read.ts"

export const orders: Handlers.Of<Api["orders"]> = {
  list: (asked, caller) =>
    Effect.map(
      read((db) => OrderView.listOrders(db, caller, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  get: ({ order }, caller) =>
    Effect.map(
      read((db) => OrderView.getOrder(db, caller, order)),
      wire
    ),

  refund: ({ order, amount = null, spent: policy }, caller) =>
    Effect.gen(function* () {
      const refunded = yield* refundOrder(caller, { order, amount, policy })
      const { currency } = yield* read((db) => OrderView.getOrder(db, caller, order))
      return reversal(currency)(refunded)
    })
}

const wire = ({ lines, state, payments, packs, currency, ...order }: OrderView.Order) => {
  const money = (amount: Money.Minor) => ({ amount, currency })
  return {
    ...order,
    status: state.status,
    lines: lines.map(({ pack: id, amount, ...line }) => {
      const pack = id === null ? undefined : packs.get(id)
      return {
        ...line,
        amount: money(amount),
        product: pack === undefined ? null : { id: pack.id, key: pack.key, version: pack.version }
      }
    }),
    total: money(state.total),
    refunded: money(state.refunded),
    payments: payments.map((payment) => ({
      id: payment.id,
      status: payment.state.status,
      createdAt: payment.createdAt
    })),
    paidAt: state.paidAt
  }
}
