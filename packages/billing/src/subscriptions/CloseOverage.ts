/**
 * Invoices what was spent beyond the lots, where a money period of the base subscription has ended, or the subscription
 * has: one line at what it cost, rounded once, on an order of that period. What comes to nothing stands until there is more.
 *
 * It is of the client's own wallet: what a child spends of its parent's balance is invoiced with the parent's period.
 */
import { ClientLifecycle, type Id, Order, type Subscription } from "@capstan/domain"
import { PaymentMethods, type Subscriptions, Wallets } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import { placeOrder } from "../payments/Orders.ts"
import type { Session } from "./Serve.ts"

export const closeOverage = async (
  session: Session,
  name: string,
  { id, base, client }: Pick<Subscriptions.Subscription, "base" | "client" | "id">,
  events: ReadonlyArray<Subscription.Event>
): Promise<Result.Result<void, Refused>> => {
  const { trx, caller, locked } = session
  const reference = base ? referenceOf(id, events) : undefined
  if (reference === undefined) return done
  const { payer, wallet, line } = await locked.branch(name)
  const paid = payer === client ? undefined : client
  const { overage } = paid === undefined ? wallet : await Wallets.get(trx, caller.organization, client)
  if (overage.used === 0n || Order.overage(overage.used, overage.cost).amount <= 0n) return done
  const key = { namespace: "overage", key: reference, hash: null } as const
  const posted = await locked.post(name, { _tag: "CloseOverage", at: locked.at }, key, null, paid)
  if (Result.isFailure(posted)) return Result.fail(posted.failure)
  const { replayed, entry } = posted.success
  if (replayed || entry?.event._tag !== "OverageClosed") return done
  const [self, ...ancestors] = line.map(({ lifecycle }) => lifecycle)
  // While it is suspended it is charged for nothing: the order waits.
  const isServed = self !== undefined && ClientLifecycle.effectiveStatus(self, ancestors) === "active"
  const method = isServed ? await PaymentMethods.defaultOf(trx, caller.organization, client) : undefined
  const { amount, cost } = entry.event
  await placeOrder(session, {
    client,
    reason: "overage",
    reference,
    lines: [Order.overage(amount, cost)],
    method: method === undefined || method.inactive ? null : method
  })
  return done
}

const done = Result.succeed(undefined)

/** Names the period that begins, or the end. */
const referenceOf = (id: Id.Id, events: ReadonlyArray<Subscription.Event>): string | undefined => {
  for (const event of events) {
    if (event._tag === "MoneyRenewed" || event._tag === "MoneyReanchored" || event._tag === "TrialEnded")
      return `${id}:${event.epoch}:${event.index}`
    if (event._tag === "Canceled") return `${id}:end`
  }
  return undefined
}
