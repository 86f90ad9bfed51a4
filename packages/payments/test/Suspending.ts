/** What tests of reactivations share: plans with a price, clients that have paid for them, a clock that is driven. */
import {
  createSubscription,
  getClient,
  previewReactivate,
  publishPlan,
  reactivateClient,
  runDue,
  suspendClient
} from "@capstan/billing"
import { Calendar, type Currency, Money, type Plan, Rate, Subscription } from "@capstan/domain"
import { type Caller, Ids, Subscriptions } from "@capstan/store"
import type { Client } from "@capstan/testing"
import { Result } from "effect"
import { credit } from "./Selling.ts"
import { database, payer, pool, run, start, type World, world } from "./World.ts"

const month = { unit: "month", count: 1 } as const
export const year = { unit: "year", count: 1 } as const

/** Where month n since the first of March starts. */
export const months = (n: number, zone = "UTC"): number => Calendar.boundary(start, month, Calendar.Zone.make(zone), n)

export const plan = (
  caller: Caller,
  over: { readonly key?: string; readonly price?: bigint } & Partial<Plan.Terms> = {}
) => {
  const { key = "pro", price = 2_900n, ...terms } = over
  return run(
    publishPlan(
      { ...caller, key: Ids.mint() },
      {
        key,
        name: "Pro",
        price: Money.Minor.make(price),
        terms: {
          currency: "USD" as Currency.Currency,
          interval: month,
          creditInterval: month,
          credits: 100n * credit,
          creditValue: Rate.zero,
          rollover: null,
          overage: null,
          unlimited: false,
          trial: null,
          promoAllowance: null,
          seats: 3,
          ...terms
        }
      }
    )
  )
}

/** Subscribes, and where the plan has a price and no trial, has its first order paid: no use case of ours does that yet. */
export const subscribe = async ({ caller, organization }: World, client: string, key = "pro", at = start) => {
  const input = { client, plan: key, seats: undefined, trial: undefined }
  const made = await run(createSubscription(caller({ now: at }), input))
  if (made.status !== "incomplete") return made.id
  await amend(organization.id, made.id, { _tag: "FirstOrderPaid", at, client: "active" }, at)
  await run(runDue(organization.id, at))
  return made.id
}

/** A command of the subscription that no use case gives yet. */
export const amend = async (
  organization: string,
  id: string,
  command: Subscription.Command,
  at: number
): Promise<void> => {
  const { db } = await database()
  await db.transaction().execute(async (trx) => {
    const [found] = await Subscriptions.byIds(trx, organization, [id])
    if (found === undefined) throw new Error(`Subscription ${id} is nowhere`)
    const decided = Subscription.decide(found.state, command)
    if (Result.isFailure(decided)) throw new Error(decided.failure._tag)
    const state = decided.success.reduce<Subscription.State>(Subscription.evolve, found.state) ?? found.state
    await Subscriptions.update(trx, organization, { ...found, plan: state.plan, state, next: at, updatedAt: at })
  })
}

export const stateOf = async (organization: string, id: string): Promise<Subscription.Subscription> => {
  const { db } = await database()
  const [found] = await Subscriptions.byIds(db, organization, [id])
  if (found === undefined) throw new Error(`Subscription ${id} is nowhere`)
  return found.state
}

export interface Scene extends World {
  readonly id: string
  readonly client: string
  readonly method: string
  readonly subscription: string
  /** A caller at an instant. */
  readonly at: (now: number, key?: string) => Caller
}

/** A client that pays with a method that behaves so, on a plan with a price. */
export const scene = async (
  behaviour = "sandbox_succeed",
  over: Parameters<typeof plan>[1] = {},
  options: Client.Options & {
    readonly settings?: Readonly<Record<string, unknown>>
    /** When it subscribes. */
    readonly from?: number
  } = {}
): Promise<Scene> => {
  const { settings = {}, from = start, ...own } = options
  const made = await world({ settings })
  const paying = await payer(made, behaviour, own)
  await plan(made.caller(), over)
  const subscription = await subscribe(made, paying.client, "pro", from)
  const at = (now: number, key: string = Ids.mint()) => made.caller({ now, key })
  return { ...made, ...paying, id: made.organization.id, subscription, at }
}

const nothing = { reason: null, note: null }

export const suspend = ({ at }: Pick<Scene, "at">, client: string, now: number) =>
  run(suspendClient(at(now), { client, ...nothing }))

export const reactivate = ({ at }: Pick<Scene, "at">, client: string, now: number, key?: string) =>
  reactivateClient(at(now, key), { client })

export const preview = ({ at }: Pick<Scene, "at">, client: string, now: number) =>
  run(previewReactivate(at(now), { client }))

export const turnTo = ({ id }: Pick<Scene, "id">, until: number) => run(runDue(id, until))

export const statusOf = async ({ at }: Pick<Scene, "at">, client: string, now: number) => {
  const { status, effectiveStatus, subscriptionStatus, balances } = await run(getClient(at(now), { client }))
  return { status, effectiveStatus, subscriptionStatus, included: balances.included / credit }
}

/** The keys of what was granted, in order. */
export const renewals = async (organization: string, client: string): Promise<ReadonlyArray<string>> => {
  const { rows } = await pool.query<{ key: string }>(
    "select key from entry where organization_id = $1 and client_id = $2 and namespace = 'renewal' order by seq",
    [organization, client]
  )
  return rows.map(({ key }) => key.slice(key.indexOf(":") + 1))
}
