/** What becomes of a recharge once its payment has come to an end: it cools down, or it has stopped and says why. */
import { AutoRecharge, type Decline, type Id, type Instant } from "@capstan/domain"
import { AutoRecharges, PaymentMethods, Recharges } from "@capstan/store"
import { Result } from "effect"
import type { Session } from "../subscriptions/Serve.ts"
import * as RechargeLog from "./RechargeLog.ts"

type Outcome =
  | { readonly _tag: "Succeeded" }
  | {
      readonly _tag: "Declined"
      readonly class: Decline.Class
      readonly code: string
      readonly message: string
    }

export interface Settled {
  readonly client: Id.Id
  readonly order: Id.Id
  readonly outcome: Outcome
}

/** In the transaction that settles the payment. */
export const settleRecharge = async (session: Session, { client, order, outcome }: Settled): Promise<void> => {
  const { trx, caller, locked } = session
  const { at } = locked
  const declined = outcome._tag === "Declined" ? outcome : null
  await decideAndSave(
    session,
    client,
    declined === null ? { _tag: "Succeed", at } : { ...declined, _tag: "Fail", at },
    { order }
  )
  await Recharges.settle(trx, caller.organization, order, declined, at)
}

/** Whoever pays has to confirm it at the provider's: until then it is in flight. */
export const awaitAction = async (
  { trx, caller: { organization }, locked }: Session,
  { client, order }: { readonly client: Id.Id; readonly order: Id.Id },
  asked: { readonly url: string; readonly until: Instant.Instant | null }
): Promise<void> => {
  const attempt = await Recharges.inFlight(trx, organization, client)
  if (attempt?.order !== order) return
  const { crossing } = attempt.charge
  locked.record({ client, kind: "recharge.action_required", payload: { crossing, order, ...asked } })
}

/** Something else that was paid with a method has made it inactive: is it the default, nothing is bought with it either. */
export const loseMethod = async (
  session: Session,
  { client, method }: { readonly client: Id.Id; readonly method: Id.Id }
): Promise<void> => {
  const { trx, caller, locked } = session
  const usual = await PaymentMethods.defaultOf(trx, caller.organization, client)
  if (usual?.id === method)
    await decideAndSave(session, client, { _tag: "LoseMethod", method: "inactive", at: locked.at }, {})
}

/** What was paid for an order went back: what that leaves is no reason to buy more. */
export const stopBuying = (
  session: Session,
  { client, id: order }: { readonly client: Id.Id; readonly id: Id.Id },
  how: "charged_back" | "refunded"
): Promise<void> => decideAndSave(session, client, { _tag: "GiveBack", how, at: session.locked.at }, { order })

const decideAndSave = async (
  { trx, caller: { organization }, locked }: Session,
  client: Id.Id,
  command: AutoRecharge.Command,
  more: object
): Promise<void> => {
  const kept = await AutoRecharges.find(trx, organization, client)
  if (kept === undefined) return
  const events = Result.getOrElse(AutoRecharge.decide(kept.state, command), () => [])
  if (events.length === 0) return
  const state = events.reduce(AutoRecharge.evolve, kept.state)
  await AutoRecharges.save(trx, organization, { ...kept, state }, locked.at)
  RechargeLog.record(locked, kept, events, more)
}
