/**
 * What is owed for something: lines, each rounded once, that sum to the total.
 *
 *   pending ──Pay──▶ paid ──Refund──▶ partially_refunded ──Refund──▶ refunded
 *      └──Void──▶ void
 *
 * Money that has come counts, also for an order that was void. What was given back only grows.
 */
import { Result, Schema } from "effect"
import type { Cost } from "./Cost.ts"
import * as CreditPack from "./CreditPack.ts"
import * as Credits from "./Credits.ts"
import { Id } from "./Id.ts"
import { Instant } from "./Instant.ts"
import * as Money from "./Money.ts"
import * as Rate from "./Rate.ts"

export const Reason = Schema.Literals(["purchase", "auto_recharge", "overage", "subscription_cycle"])
export type Reason = typeof Reason.Type

export const Status = Schema.Literals(["pending", "paid", "partially_refunded", "refunded", "void"])
export type Status = typeof Status.Type

export const Line = Schema.Struct({
  description: Schema.String,
  /** The version of a credit pack whose credits it grants; null where it grants none. */
  pack: Schema.NullOr(Id),
  /** That it grants, or invoices. */
  credits: Schema.NullOr(Credits.Positive),
  /** Minor units a credit; of a plan, a period. */
  unitPrice: Rate.Rate,
  amount: Money.Minor
})
export interface Line extends Schema.Schema.Type<typeof Line> {}

export const State = Schema.Struct({
  status: Status,
  total: Money.Minor,
  /** All that went back of it. */
  refunded: Money.Minor,
  paidAt: Schema.NullOr(Instant)
})
export interface State extends Schema.Schema.Type<typeof State> {}

export type Command =
  | { readonly _tag: "Pay"; readonly at: Instant }
  | { readonly _tag: "Void" }
  /** More of it goes back. */
  | { readonly _tag: "Refund"; readonly amount: Money.Minor }

export const Event = Schema.TaggedUnion({
  Paid: { at: Instant },
  Voided: {},
  Refunded: { amount: Money.Minor }
})
export type Event = typeof Event.Type

export const Refusal = Schema.TaggedUnion({
  NotPending: { status: Status },
  NotPaid: { status: Status },
  /** More than is left of what was paid. */
  NotRefundable: { refundable: Money.Minor }
})
export type Refusal = typeof Refusal.Type

export const placed = (lines: ReadonlyArray<Line>): State => ({
  status: "pending",
  total: totalOf(lines),
  refunded: Money.zero,
  paidAt: null
})

export const decide = (state: State, command: Command): Result.Result<ReadonlyArray<Event>, Refusal> => {
  const { status } = state
  switch (command._tag) {
    case "Pay":
      return Result.succeed(isPaid(state) ? [] : [{ _tag: "Paid", at: command.at }])
    case "Void":
      if (status === "void") return Result.succeed([])
      return status === "pending" ? Result.succeed([{ _tag: "Voided" }]) : Result.fail({ _tag: "NotPending", status })
    case "Refund": {
      if (!isPaid(state)) return Result.fail({ _tag: "NotPaid", status })
      const refundable = Money.subtract(state.total, state.refunded)
      const { amount } = command
      return amount <= 0n || amount > refundable
        ? Result.fail({ _tag: "NotRefundable", refundable })
        : Result.succeed([{ _tag: "Refunded", amount }])
    }
  }
}

export const evolve = (state: State, event: Event): State => {
  switch (event._tag) {
    case "Paid":
      return { ...state, status: statusOf(state), paidAt: event.at }
    case "Voided":
      return { ...state, status: "void" }
    case "Refunded": {
      const refunded = Money.add(state.refunded, event.amount)
      return { ...state, refunded, status: statusOf({ ...state, refunded }) }
    }
  }
}

export const isPaid = ({ paidAt }: Pick<State, "paidAt">): boolean => paidAt !== null

export const totalOf = (lines: ReadonlyArray<Pick<Line, "amount">>): Money.Minor =>
  lines.reduce((sum, { amount }) => Money.add(sum, amount), Money.zero)

/** So many packs of a version. */
export const packs = (
  pack: Pick<CreditPack.Version, "credits" | "id" | "name" | "price">,
  quantity: bigint | number
): Line => {
  const count = BigInt(quantity)
  return {
    description: count === 1n ? pack.name : `${count} x ${pack.name}`,
    pack: pack.id,
    credits: pack.credits * count,
    unitPrice: CreditPack.unitPrice(pack),
    amount: (pack.price * count) as Money.Minor
  }
}

/** Credits spent beyond the lots, at what they cost: rounded half to even, once. */
export const overage = (credits: Credits.Credits, cost: Cost): Line => ({
  description: "Overage",
  pack: null,
  credits,
  unitPrice: Rate.of(cost, credits),
  amount: Money.prorate(1n as Money.Minor, cost, 1_000_000n)
})

/** One money period of a plan, at its price; the days are those of the client's zone, the last one exclusive. */
export const cycle = (
  { name, price }: { readonly name: string; readonly price: Money.Minor },
  { from, until }: { readonly from: string; readonly until: string }
): Line => ({
  description: `${name}, ${from} until ${until}`,
  pack: null,
  credits: null,
  unitPrice: Rate.of(price, 1n),
  amount: price
})

/**
 * How many of a line's credits have gone back once so much of its order's money has: rounded down, and all of them with all
 * of the money. What a further refund takes is the difference.
 */
export const creditsBack = (
  credits: Credits.Credits,
  { total, refunded }: Pick<State, "refunded" | "total">
): Credits.Credits => (total <= 0n ? 0n : (credits * refunded) / total)

const statusOf = ({ refunded, total }: Pick<State, "refunded" | "total">): Status =>
  refunded <= 0n ? "paid" : refunded < total ? "partially_refunded" : "refunded"
