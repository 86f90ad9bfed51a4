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
import { closeOverage } from "./CloseOverage.ts"
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

/** Every event of a subscription is told of. */
export const record = (
  locked: Trees.Locked,
  client: Id.Id,
  subscription: Id.Id,
  events: ReadonlyArray<Subscription.Event>
): void => {
  for (const { _tag, ...event } of events) {
    const kind = `subscription.${_tag.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()}`
    locked.record({ client, kind, payload: { subscription, ...event } })
  }
}

/**
 * After a client has become able to be served: its subscriptions, or also those below it, start or go on. What the client
 * itself is granted is posted here; what others are is due at once, for the worker.
 *
 * The status of the client's own base subscription; null where it has none that lives.
 */
export const serve = async (
  session: Session,
  name: string,
  parts: ClientView.Parts,
  of: "client" | "subtree"
): Promise<Result.Result<Subscription.Status | null, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const subscriptions = await Subscriptions.live(trx, organization, parts.client.id, of)
  const plans = await Plans.byIds(trx, organization, [...new Set(subscriptions.map(({ plan }) => plan))])
  const { settings } = await Organizations.get(trx, organization)
  const statusOf = await statuses(session, parts, subscriptions)
  let own: Subscription.Status | null = null
  for (const subscription of subscriptions) {
    const isOwn = subscription.client === parts.client.id
    const status = statusOf(subscription.client)
    const plan = plans.get(subscription.plan)
    if (isOwn && subscription.base) own = subscription.state.status
    if (status !== "active" || plan === undefined) continue
    const facts = { plan, settings, until: locked.at }
    const before = turn(subscription.state, { ...facts, client: "suspended" })
    const resumed = resume(before.state, locked.at)
    const after = turn(resumed.state, { ...facts, client: status })
    const turned = isOwn ? after : { ...after, state: resumed.state, events: [], next: locked.at }
    const events = [...before.events, ...resumed.events, ...turned.events]
    if (isOwn) {
      const posted = await post(session, name, subscription.id, plan, after)
      if (Result.isFailure(posted)) return Result.fail(posted.failure)
      if (subscription.base) own = turned.state.status
      const closed = await closeOverage(session, name, subscription, events)
      if (Result.isFailure(closed)) return Result.fail(closed.failure)
    }
    record(locked, subscription.client, subscription.id, events)
    const { state, next } = turned
    if (events.length > 0)
      await Subscriptions.update(trx, organization, { ...subscription, state, next, updatedAt: locked.at })
    else if (next !== subscription.next) await Subscriptions.defer(trx, organization, subscription.id, next)
  }
  return Result.succeed(own)
}

/** The status of each subscriber as it is in effect, with what has just been decided about the client. */
const statuses = async (
  { trx, caller: { organization } }: Session,
  { client, ancestors }: ClientView.Parts,
  subscriptions: ReadonlyArray<Subscriptions.Subscription>
): Promise<(subscriber: Id.Id) => ClientLifecycle.Status> => {
  const subscribers = await Clients.byIds(trx, organization, [...new Set(subscriptions.map(({ client }) => client))])
  const between = await Clients.byIds(trx, organization, [
    ...new Set([...subscribers.values()].flatMap(({ path }) => path))
  ])
  const known = new Map([...between, ...subscribers, ...ancestors.map((ancestor) => [ancestor.id, ancestor] as const)])
  known.set(client.id, client)
  return (subscriber) => {
    const self = known.get(subscriber) ?? client
    return ClientLifecycle.effectiveStatus(
      self.lifecycle,
      self.path.flatMap((id) => known.get(id)?.lifecycle ?? [])
    )
  }
}

/** A subscription that has not started starts; one that its own pause holds up stays paused. */
const resume = (state: Subscription.Subscription, at: number): Pick<Turned, "events" | "state"> => {
  if (state.status === "paused") return { state, events: [] }
  const _tag = state.status === "incomplete" ? "Activate" : "Resume"
  const decided = Subscription.decide(state, { _tag, at, client: "active" })
  const events = Result.isSuccess(decided) ? decided.success : []
  return { events, state: events.reduce<Subscription.State>(Subscription.evolve, state) ?? state }
}
