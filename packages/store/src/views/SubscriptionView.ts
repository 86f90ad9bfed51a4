/** Subscriptions as answers show them. */
import { ClientLifecycle, type Id, type Instant, Subscription as Domain } from "@capstan/domain"
import { Result } from "effect"
import type { Kysely } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Plans from "../Plans.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Tables } from "../Tables.ts"

export interface Subscription {
  readonly id: Id.Id
  readonly client: Id.Id
  /** The key of the plan. */
  readonly plan: string
  readonly planVersion: Id.Id
  readonly base: boolean
  readonly status: Domain.Status
  readonly seats: number
  readonly trialEndsAt: Instant.Instant | null
  readonly currentPeriodStart: Instant.Instant | null
  readonly currentPeriodEnd: Instant.Instant | null
  /** Null while the credit clock stands, or never strikes. */
  readonly nextCreditRenewalAt: Instant.Instant | null
  readonly pendingChange: Domain.Change | null
  readonly pastDueAt: Instant.Instant | null
  readonly graceEndsAt: Instant.Instant | null
  readonly resumesAt: Instant.Instant | null
  readonly endedAt: Instant.Instant | null
  readonly endCause: Domain.EndCause | null
  readonly etag: string
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

export const present = (
  subscription: Subscriptions.Subscription,
  plan: string,
  client: ClientLifecycle.Status
): Subscription => {
  const { state } = subscription
  return {
    id: subscription.id,
    client: subscription.client,
    plan,
    planVersion: subscription.plan,
    base: subscription.base,
    status: state.status,
    seats: state.seats,
    trialEndsAt: state.trialEndsAt,
    currentPeriodStart: state.periodStart,
    currentPeriodEnd: state.periodEnd,
    nextCreditRenewalAt: Domain.nextCreditRenewal(client, state).at,
    pendingChange: state.pending,
    pastDueAt: state.pastDueAt,
    graceEndsAt: state.graceEndsAt,
    resumesAt: state.resumesAt,
    endedAt: state.endedAt,
    endCause: state.endCause,
    etag: `${subscription.version}`,
    createdAt: subscription.createdAt,
    updatedAt: subscription.updatedAt
  }
}

export const get = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id
): Promise<Result.Result<Subscription, Failure>> => {
  const { organization } = within
  const [subscription] = await Subscriptions.byIds(db, organization, [id])
  const client = subscription === undefined ? undefined : await Clients.find(db, within, subscription.client)
  if (subscription === undefined || client === undefined)
    return Result.fail({ _tag: "NotFound", what: "subscription", id })
  const ancestors = [...(await Clients.byIds(db, organization, client.path)).values()]
  const plan = (await Plans.byIds(db, organization, [subscription.plan])).get(subscription.plan)
  const status = ClientLifecycle.effectiveStatus(
    client.lifecycle,
    ancestors.map(({ lifecycle }) => lifecycle)
  )
  return Result.succeed(present(subscription, plan?.key ?? "", status))
}
