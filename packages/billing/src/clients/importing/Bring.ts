/** One client with all that it brings along, in the caller's transaction. */
import {
  type Credits,
  type Currency,
  type Id,
  type Instant,
  Plan,
  type Rate,
  Subscription,
  type Wallet
} from "@capstan/domain"
import {
  ClientView,
  type Failure,
  Ids,
  Organizations,
  PaymentMethods,
  Plans,
  Subscriptions,
  SubscriptionView
} from "@capstan/store"
import { Result } from "effect"
import { type Refused, statusOf } from "../../Doors.ts"
import { refusalOf } from "../../subscriptions/CreateSubscription.ts"
import { record, type Session } from "../../subscriptions/Serve.ts"
import { turn } from "../../subscriptions/Turn.ts"
import { addClient, type Input as NewClient, parentOf } from "../CreateClient.ts"
import { type Attached, type Named, rejected } from "./Attach.ts"

export interface Item extends NewClient {
  readonly suspended: boolean
  readonly subscription: Subscribed | null
  readonly lots: ReadonlyArray<Lot>
  readonly paymentMethods: ReadonlyArray<Named>
}

interface Subscribed {
  /** The key of the plan. */
  readonly plan: string
  /** Undefined for what the plan includes. */
  readonly seats: number | undefined
  readonly anchor: Instant.Instant
  readonly paidUntil: Instant.Instant | null
  readonly trialEndsAt: Instant.Instant | null
}

interface Lot {
  readonly kind: "extra" | "included" | "promo"
  readonly amount: Credits.Credits
  readonly expiresAt: Instant.Instant | null
  readonly unitCost: { readonly amount: Rate.Rate; readonly currency: Currency.Currency } | null
  readonly source: string
}

export interface Imported {
  readonly client: ClientView.Client
  readonly subscription: SubscriptionView.Subscription | null
}

type Done = Result.Result<void, Refused>
const done: Done = Result.succeed(undefined)

export const bring = async (
  session: Session,
  item: Item,
  id: Id.Id,
  methods: ReadonlyArray<Attached>
): Promise<Result.Result<Imported, Refused>> => {
  const { trx, caller, locked } = session
  const parent = await parentOf(session, item)
  if (Result.isFailure(parent)) return Result.fail(parent.failure)
  const added = await addClient(session, item, parent.success, id)
  if (Result.isFailure(added)) return Result.fail(added.failure)
  await locked.admit(id)
  const subscribed = item.subscription === null ? none : await subscribe(session, added.success, item.subscription)
  if (Result.isFailure(subscribed)) return Result.fail(subscribed.failure)
  // Branches are read anew: what the plan says a credit is worth is on them.
  await locked.flush()
  const given = await giveLots(session, added.success, item.lots)
  if (Result.isFailure(given)) return Result.fail(given.failure)
  const kept = await keepMethods(session, id, methods)
  if (Result.isFailure(kept)) return Result.fail(kept.failure)
  const suspended = item.suspended ? await suspend(session, id) : done
  if (Result.isFailure(suspended)) return Result.fail(suspended.failure)
  await locked.flush()
  const after = await ClientView.parts(trx, caller, id)
  if (after === undefined) throw new Error(`Client ${id} was made, and is not there`)
  const client = ClientView.present(after)
  const subscription = subscribed.success?.(client.effectiveStatus) ?? null
  return Result.succeed({ client, subscription })
}

type Shown = (status: ClientView.Client["effectiveStatus"]) => SubscriptionView.Subscription
const none: Result.Result<Shown | null, Refused> = Result.succeed(null)

const subscribe = async (
  { trx, caller: { organization }, locked }: Session,
  parts: ClientView.Parts,
  { plan: key, seats, anchor, paidUntil, trialEndsAt }: Subscribed
): Promise<Result.Result<Shown, Refused>> => {
  const { at } = locked
  const { client } = parts
  const plan = await Plans.latest(trx, organization, key)
  if (plan === undefined) return Result.fail({ _tag: "NotFound", what: "plan", id: key })
  const refused = refusalOf(plan, client)
  if (refused !== undefined) return Result.fail(refused)
  const status = statusOf(parts)
  const decided = Subscription.decide(Subscription.initial, {
    _tag: "Import",
    at,
    client: status,
    terms: Plan.clocks(plan),
    seats: seats ?? plan.terms.seats,
    zone: client.timeZone,
    anchor,
    paidUntil,
    trialEndsAt
  })
  if (Result.isFailure(decided)) return Result.fail(said(decided.failure))
  const state = decided.success.reduce<Subscription.State>(Subscription.evolve, Subscription.initial)
  if (state === null) throw new Error("A subscription that was imported is nowhere")
  const { settings } = await Organizations.get(trx, organization)
  const { next } = turn(state, { plan, client: status, settings, until: at })
  const id = Ids.mint()
  const times = { createdAt: at, updatedAt: at }
  const subscription = { id, client: client.id, plan: plan.id, base: true, state, next, version: 1n, ...times }
  if (!(await Subscriptions.insert(trx, organization, subscription)))
    throw new Error("A client that was just made has a subscription")
  record(locked, client.id, id, Subscription.initial, decided.success)
  return Result.succeed((shownAs) => SubscriptionView.present(subscription, plan.key, shownAs))
}

const giveLots = async ({ locked }: Session, { client }: ClientView.Parts, lots: ReadonlyArray<Lot>): Promise<Done> => {
  const { at } = locked
  if (lots.length > 0 && client.usesParentBalance) return Result.fail(parents)
  for (const [i, { kind, amount, expiresAt, unitCost, source }] of lots.entries()) {
    if (unitCost !== null && unitCost.currency !== client.currency) return Result.fail(otherCurrency(client.currency))
    if (expiresAt !== null && expiresAt <= at) return Result.fail(ended)
    const { terms } = await locked.branch(client.id)
    const lot: Wallet.Lot = {
      id: Ids.mint(),
      kind,
      left: amount,
      held: 0n,
      priority: 0,
      effectiveAt: at,
      expiresAt,
      unitCost: unitCost?.amount ?? terms.creditValue,
      source,
      allowance: false,
      outlives: null,
      features: null
    }
    const key = { namespace: "caller", key: `import:${i}`, hash: null } as const
    const posted = await locked.post(client.id, { _tag: "Grant", lot, at }, key, amount)
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
    const { entry } = posted.success
    const payload = { payer: client.id, seq: entry?.seq, kind, amount, effectiveAt: at, expiresAt, source }
    locked.record({ client: client.id, kind: "credits.granted", payload })
  }
  return done
}

/** The first is the default unless another is said to be. */
const keepMethods = async (
  { trx, caller: { organization }, locked }: Session,
  client: Id.Id,
  methods: ReadonlyArray<Attached>
): Promise<Done> => {
  const standard = Math.max(
    methods.findIndex(({ isDefault }) => isDefault),
    0
  )
  for (const [i, { connection, method }] of methods.entries()) {
    const id = Ids.mint()
    const isDefault = i === standard
    const kept = { id, client, connection, ...method, isDefault, createdAt: locked.at }
    if (!(await PaymentMethods.insert(trx, organization, kept))) return Result.fail(anothers)
    const { type, brand, last4 } = method
    locked.record({ client, kind: "payment_method.attached", payload: { method: id, connection, type, brand, last4 } })
  }
  return done
}

const suspend = async ({ caller, locked }: Session, client: Id.Id): Promise<Done> => {
  const { at } = locked
  const suspension = { cause: "operator", by: caller.actor, at, reason: null, note: null } as const
  const decided = await locked.decide(client, {
    _tag: "ChangeLifecycle",
    command: { _tag: "Suspend", suspension },
    at
  })
  return Result.map(decided, () => undefined)
}

/** Why a subscription cannot go on so, and what would do. */
const said = (refusal: Subscription.Refusal): Failure => {
  switch (refusal._tag) {
    case "NotPeriodEnd":
      return {
        _tag: "NotAdmissible",
        reason: "not_a_period_end",
        message: `The running period of this anchor does not end then: the nearest ends are ${refusal.nearest.map(iso).join(" and ")}.`,
        field: "subscription.paidUntil"
      }
    case "AnchorAhead":
      return {
        _tag: "NotAdmissible",
        reason: "outside_range",
        message: `The anchor is more than a period ahead: give one by ${iso(refusal.latest)}.`,
        field: "subscription.anchor"
      }
    case "InThePast":
      return {
        _tag: "NotAdmissible",
        reason: "outside_range",
        message: `${iso(refusal.at)} is over: import only what is paid until later than now.`,
        field: "subscription.paidUntil"
      }
    case "ClientNotActive":
      return {
        _tag: "NotAdmissible",
        reason: "client_not_onboarded",
        message: "A subscription that goes on is of a client that has begun: say onboarded as well.",
        field: "onboarded"
      }
    case "NotPossible":
    case "ClockStopped":
    case "NotDue":
    case "PeriodOver":
    case "NeverRenews":
    case "CancelScheduled":
    case "NoPendingChange":
      throw new Error(`An import was refused with ${refusal._tag}`)
  }
}

const iso = (at: Instant.Instant): string => new Date(at).toISOString()

const parents: Failure = {
  _tag: "NotAdmissible",
  reason: "not_admissible",
  message: "The client draws on its parent's balance: give the credits to the parent.",
  field: "lots"
}

const ended: Failure = {
  _tag: "NotAdmissible",
  reason: "outside_range",
  message: "Credits that have ended cannot be brought over: leave them out.",
  field: "lots.expiresAt"
}

const otherCurrency = (currency: Currency.Currency): Failure => ({
  _tag: "NotAdmissible",
  reason: "currency_differs",
  message: `The client's currency is ${currency}: give unitCost in that.`,
  field: "lots.unitCost"
})

const anothers = rejected("The method belongs to another client: have it entered anew for this one.")
