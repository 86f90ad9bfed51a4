/** What answers the procedures of payments. */
import type { Api } from "@capstan/contract"
import { type Currency, type Money, Payment } from "@capstan/domain"
import { OrderView, type PaymentReversals } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const payments: Handlers.Of<Api["payments"]> = {
  list: (asked, caller) =>
    Effect.map(
      read((db) => OrderView.listPayments(db, caller, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  get: ({ payment }, caller) =>
    Effect.map(
      read((db) => OrderView.getPayment(db, caller, payment)),
      wire
    )
}

const wire = ({ state, amount, refunded, currency, reversals, ...payment }: OrderView.Payment) => {
  const { dueAt: _, actionAt: __, ...shown } = state
  const money = (of: Money.Minor) => ({ amount: of, currency })
  return {
    ...payment,
    ...shown,
    actionUntil: Payment.actionUntil(state),
    amount: money(amount),
    refunded: money(refunded),
    reversals: reversals.map(reversal(currency))
  }
}

export const reversal =
  (currency: Currency.Currency) =>
  ({ id, payment, kind, state, amount, policy, createdAt, ...taken }: PaymentReversals.Reversal) => ({
    id,
    payment,
    kind,
    status: state.status,
    amount: { amount, currency },
    policy,
    credits: taken.credits,
    taken: taken.taken,
    owed: taken.owed,
    forgiven: taken.forgiven,
    createdAt,
    settledAt: state.settledAt
  })
