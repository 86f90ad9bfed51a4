/**
 * Looks at a recharge that is due: whether more is wanted, and whether it may be bought now. What is bought becomes an order
 * and an intent to pay it, here; the provider is asked later, by whoever drives payments.
 */
import {
  AutoRecharge,
  ClientLifecycle,
  CreditPack,
  type Credits,
  type Id,
  type Instant,
  type Order,
  Rate,
  SpendingCap,
  Subscription,
  Tree,
  Wallet
} from "@capstan/domain"
import { AutoRecharges, Clients, CreditPacks, Ids, PaymentMethods, Recharges, Wallets } from "@capstan/store"
import { Result } from "effect"
import { placeOrder } from "../payments/Orders.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { bought as lotOf } from "../payments/SettlePayment.ts"
import { bought, readiness } from "./GetRecharge.ts"
import * as RechargeLog from "./RechargeLog.ts"

/** Whether anything came of it. */
export const beginRecharge = async (session: Session, id: Id.Id): Promise<boolean> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { at } = locked
  const kept = await AutoRecharges.find(trx, organization, id)
  const client = (await Clients.byIds(trx, organization, [id])).get(id)
  if (kept === undefined || client === undefined || (kept.state.dueAt ?? Number.POSITIVE_INFINITY) > at) return false
  const branch = await locked.branch(id)
  const { terms } = branch
  // One that sleeps is looked at as it is.
  const wallet = branch.payer === id ? branch.wallet : await Wallets.get(trx, organization, id)
  const level = terms.unlimited ? Wallet.mostCredits : Wallet.level(wallet, at)
  const method = await PaymentMethods.defaultOf(trx, organization, id)
  const { today, thisMonth, dayEnds, monthEnds } = await bought(trx, organization, id, client.timeZone, at)
  const looked = decided(kept.state, { _tag: "Look", level, at })
  const pack = await CreditPacks.byId(trx, organization, kept.pack)
  if (pack === undefined) throw new Error(`Credit pack ${kept.pack} is nowhere`)
  const facts: AutoRecharge.Facts = {
    available: level - wallet.overdraft.used - wallet.debt,
    capped: kept.state.config === null ? null : cappedBy(branch, kept.state.config.price, at),
    boughtToday: today,
    boughtThisMonth: thisMonth,
    dayEnds,
    monthEnds,
    allowed: isAllowed(branch, id, at),
    method: readiness(method),
    sold: pack.archivedAt === null,
    full: false
  }
  const tried = decided(looked.state, { _tag: "Begin", ...facts, at })
  const granted = tried.state.phase._tag === "InFlight" ? lineOf(pack, tried.state.phase.charge) : undefined
  // Nothing is charged for what could not be granted.
  const lot = granted && lotOf("auto_recharge", granted, pack, client.timeZone, at)
  const full = lot !== undefined && Result.isFailure(Tree.decide(branch, { _tag: "Grant", lot, at }))
  const begun = full ? decided(looked.state, { _tag: "Begin", ...facts, full, at }) : tried
  const events = [...looked.events, ...begun.events]
  if (events.length === 0) return false
  const { state } = begun
  await AutoRecharges.save(trx, organization, { ...kept, state }, at)
  RechargeLog.record(locked, kept, events)
  if (state.phase._tag !== "InFlight" || state.config === null || method === undefined) return true

  const { charge } = state.phase
  const reference = `${id}:${charge.crossing}`
  const lines = [lineOf(pack, charge)]
  const { order } = await placeOrder(session, { client: id, reason: "auto_recharge", reference, lines, method })
  const attempt = { id: Ids.mint(), client: id, order: order.id, charge }
  await Recharges.begin(trx, organization, attempt, state.config, client.timeZone)
  return true
}

const decided = (before: AutoRecharge.State, command: AutoRecharge.Command) => {
  const events = Result.getOrElse(AutoRecharge.decide(before, command), () => [])
  return { events, state: events.reduce(AutoRecharge.evolve, before) }
}

/** A wallet that sleeps, since its client draws on another, buys nothing. */
const isAllowed = ({ line, payer, policy }: Tree.Branch, id: Id.Id, at: Instant.Instant): boolean => {
  const [self, ...ancestors] = line
  const client = ClientLifecycle.effectiveStatus(
    self.lifecycle,
    ancestors.map(({ lifecycle }) => lifecycle)
  )
  return payer === id && Subscription.rights({ client, subscription: self.subscription, at, policy }).autoRecharge
}

/** The hard cap, of those that count whoever spends, that lets nothing through of what would be bought; the last to free. */
const cappedBy = ({ counters }: Tree.Branch, price: Rate.Rate, at: Instant.Instant): AutoRecharge.Facts["capped"] => {
  let capped: AutoRecharge.Facts["capped"] = null
  for (const counter of counters) {
    const { cap, window } = SpendingCap.at(counter, at)
    if (cap.enforcement !== "hard" || cap.scope === "billed" || cap.member !== null || cap.meter !== null) continue
    if (Rate.affordable(price, SpendingCap.headroom({ cap, window })) > 0n) continue
    if (capped === null || (capped.resetsAt !== null && (window.end === null || window.end > capped.resetsAt)))
      capped = { resetsAt: window.end }
  }
  return capped
}

const lineOf = (
  pack: CreditPack.Version,
  { credits, amount }: AutoRecharge.Charge
): Order.Line & { readonly credits: Credits.Credits } => ({
  description: pack.name,
  pack: pack.id,
  credits,
  unitPrice: CreditPack.unitPrice(pack),
  amount
})
