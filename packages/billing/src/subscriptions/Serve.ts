/**
 * What use cases do with subscriptions in a transaction: turn their clocks, post what they grant, keep what has changed.
 *
 * Grant n of an epoch is posted once, by its key.
 */
import { ClientLifecycle, type Id, Plan, Subscription } from "@capstan/domain"
import {
  type Caller,
  Clients,
  type ClientView,
  type Database,
  Entries,
  Ids,
  Organizations,
  Plans,
  Subscriptions,
  type Trees
} from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import { type Bill, billPeriods } from "./BillPeriod.ts"
import { closeOverage } from "./CloseOverage.ts"
import { resumption } from "./Resumption.ts"
import { type Grant, turn, type Turned } from "./Turn.ts"

export interface Session {
  readonly trx: Database.Trx
  readonly caller: Caller
  readonly locked: Trees.Locked
}

/** Posts what a turn grants to the client of that name, and suspends it where the turn says so. */
export const post = async (
  { trx, caller: { organization }, locked }: Session,
  name: string,
  subscription: Id.Id,
  plan: Plan.Version,
  { grants, allowance, suspends }: Turned
): Promise<Result.Result<void, Refused>> => {
  const { at } = locked
  const { terms } = plan
  for (const { epoch, n, at: from } of grants) {
    // Minted first, so what rolled over is spent first: it will not roll over again. The very first grant replaces nothing.
    const replaces = epoch > 0 || n > 0
    const rollover = terms.rollover === null || !replaces ? null : { ...terms.rollover, lot: Ids.mint() }
    const lot = Plan.included(plan, { id: Ids.mint(), at: Math.min(from, at) })
    if (lot.left === 0n && rollover === null && !(await hasIncluded(locked, name))) continue
    const key = { namespace: "renewal", key: `${subscription}:${epoch}:${n}`, hash: null } as const
    const posted = await locked.post(name, { _tag: "Renew", lot, rollover, at }, key)
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
  }
  const lot = allowance === null ? null : Plan.allowance(plan, { id: Ids.mint(), at: Math.min(allowance.at, at) })
  if (allowance !== null && lot !== null) {
    const key = { namespace: "renewal", key: allowanceKey(subscription, allowance), hash: null } as const
    if (!(await Entries.isPosted(trx, organization, locked.client(name), key.namespace, key.key))) {
      const posted = await locked.post(name, { _tag: "Renew", lot, rollover: null, at }, key)
      if (Result.isFailure(posted)) return Result.fail(posted.failure)
    }
  }
  if (!suspends) return Result.succeed(undefined)
  const suspension = { cause: "system", by: "system", at, reason: "payment_failed", note: null } as const
  const suspended = await locked.decide(name, {
    _tag: "ChangeLifecycle",
    command: { _tag: "Suspend", suspension },
    at
  })
  return Result.map(suspended, () => undefined)
}

export const allowanceKey = (subscription: Id.Id, { epoch, n }: Pick<Grant, "epoch" | "n">): string =>
  `${subscription}:allowance:${epoch}:${n}`

/** Of its own: a plan without credits replaces nothing of a parent's. */
const hasIncluded = async (locked: Trees.Locked, name: string): Promise<boolean> => {
  const { payer, wallet } = await locked.branch(name)
  return payer === locked.client(name) && wallet.lots.some(({ kind }) => kind === "included")
}

/** Every event of a subscription is told of, with its status before and after where that changes. */
export const record = (
  locked: Trees.Locked,
  client: Id.Id,
  subscription: Id.Id,
  was: Subscription.State,
  events: ReadonlyArray<Subscription.Event>
): void => {
  let state = was
  for (const happened of events) {
    const { _tag, ...event } = happened
    const after = Subscription.evolve(state, happened)
    const changed = changeOf(state, after)
    state = after
    const kind = `subscription.${_tag.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()}`
    locked.record({ client, kind, payload: { subscription, ...event, ...changed } })
  }
}

const changeOf = (before: Subscription.State, after: Subscription.State) => {
  const statusOf = (state: Subscription.State) => (state === null ? null : { status: state.status })
  return before?.status === after?.status ? {} : { before: statusOf(before), after: statusOf(after) }
}

/**
 * After a client has become able to be served: its subscriptions, or also those below it, start or go on. What the client
 * itself is granted is posted here; what others are is due at once, for the worker. One whose current period has a price and
 * went unserved is not served for nothing: it is billed, and past due until that is paid, save the one that `paid` names. The
 * worker charges it; where there is nothing to pay with, the order waits.
 *
 * The tree is locked meanwhile, so all below is read and written in as many statements as one of them would be.
 *
 * The status of the client's own base subscription; null where it has none that lives.
 */
export const serve = async (
  session: Session,
  name: string,
  parts: ClientView.Parts,
  of: "client" | "subtree",
  paid: Id.Id | null = null
): Promise<Result.Result<Subscription.Status | null, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const subscriptions = await Subscriptions.live(trx, organization, parts.client.id, of)
  const plans = await Plans.byIds(trx, organization, [...new Set(subscriptions.flatMap(plansOf))])
  const { settings } = await Organizations.get(trx, organization)
  const { statusOf, payerOf } = await standings(session, parts, subscriptions)
  const facts = { settings, until: locked.at, planOf: ({ plan }: Subscription.Subscription) => plans.get(plan) }
  const changed: Array<Subscriptions.Subscription> = []
  const deferred: Array<Subscriptions.Subscription> = []
  const bills: Array<Omit<Bill, "method">> = []
  let own: Subscription.Status | null = null
  for (const subscription of subscriptions) {
    const { id, client } = subscription
    const isOwn = client === parts.client.id
    if (isOwn && subscription.base) own = subscription.state.status
    if (statusOf(client) !== "active") continue
    const found = resumption(subscription.state, { ...facts, paid: id === paid })
    if (found === undefined) continue
    const { plan, owes } = found
    const step = owes ? found.withheld : found.resumed
    const served = turn(step.state, { ...facts, plan, client: "active" })
    const turned = isOwn ? served : { ...served, state: step.state, events: [], next: locked.at }
    const events = [...step.events, ...turned.events]
    if (isOwn) {
      const posted = await post(session, name, id, plan, served)
      if (Result.isFailure(posted)) return Result.fail(posted.failure)
      if (subscription.base) own = turned.state.status
      const closed = await closeOverage(session, name, subscription, events)
      if (Result.isFailure(closed)) return Result.fail(closed.failure)
    }
    record(locked, client, id, subscription.state, events)
    const { state, next } = turned
    const after = { ...subscription, plan: state.plan, state, next, updatedAt: locked.at }
    if (events.length > 0) changed.push(after)
    else if (next !== subscription.next) deferred.push(after)
    const { state: caughtUp } = found.caughtUp
    if (owes && Subscription.isRunning(caughtUp))
      bills.push({ subscription, state: caughtUp, plan, payer: payerOf(client), liftedBy: null, asked: null })
  }
  await Subscriptions.updateAll(trx, organization, changed, locked.at)
  await Subscriptions.deferAll(trx, organization, deferred)
  await billPeriods(session, bills)
  return Result.succeed(own)
}

/** The versions that it is pinned to, or will be. */
export const plansOf = ({ state }: Pick<Subscriptions.Subscription, "state">): ReadonlyArray<Id.Id> =>
  state.pending?._tag === "Plan" ? [state.plan, state.pending.terms.plan] : [state.plan]

/** Of each subscriber: its status as it is in effect, with what has just been decided about the client, and who pays. */
const standings = async (
  { trx, caller: { organization } }: Session,
  { client, ancestors }: ClientView.Parts,
  subscriptions: ReadonlyArray<Subscriptions.Subscription>
) => {
  const subscribers = await Clients.byIds(trx, organization, [...new Set(subscriptions.map(({ client }) => client))])
  const between = await Clients.byIds(trx, organization, [
    ...new Set([...subscribers.values()].flatMap(({ path }) => path))
  ])
  const known = new Map([...between, ...subscribers, ...ancestors.map((ancestor) => [ancestor.id, ancestor] as const)])
  known.set(client.id, client)
  const lineOf = (subscriber: Id.Id) => {
    const self = known.get(subscriber) ?? client
    return [self, ...self.path.toReversed().flatMap((id) => known.get(id) ?? [])] as const
  }
  return {
    statusOf: (subscriber: Id.Id): ClientLifecycle.Status => {
      const [self, ...above] = lineOf(subscriber)
      return ClientLifecycle.effectiveStatus(
        self.lifecycle,
        above.map(({ lifecycle }) => lifecycle)
      )
    },
    payerOf: (subscriber: Id.Id): Id.Id => {
      const line = lineOf(subscriber)
      return (line.find(({ usesParentBalance }) => !usesParentBalance) ?? line.at(-1) ?? client).id
    }
  }
}
