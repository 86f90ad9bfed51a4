/**
 * A client as the workspace of a team: what it has bought, how far it is in its periods, what it has used of its credits,
 * and who is in it.
 */
import {
  type Credits,
  type Id,
  type Instant,
  type Money,
  type Plan,
  type Role,
  type Subscription
} from "@capstan/domain"
import {
  type Clients,
  type Database,
  Entries,
  Invitations,
  Plans,
  type Subscriptions,
  WorkspaceView
} from "@capstan/store"

/** A version of a plan, where it is named beside a client. */
interface PlanShown {
  readonly id: Id.Id
  readonly key: string
  readonly version: number
  readonly name: string
  /** For one interval. */
  readonly price: Money.Money
  readonly interval: Plan.Terms["interval"]
  readonly creditsIncluded: Credits.Credits
  readonly creditInterval: Plan.Terms["creditInterval"]
}

export interface Workspace {
  readonly plan: (PlanShown & { readonly subscription: Id.Id }) | null
  /** What waits for the end of the period. */
  readonly pendingPlan: (PlanShown & { readonly effectiveAt: Instant.Instant | null }) | null
  readonly currentPeriodStart: Instant.Instant | null
  readonly currentPeriodEnd: Instant.Instant | null
  /** When the credits of whoever pays were last renewed; null where they never were, and all use counts. */
  readonly creditPeriodStart: Instant.Instant | null
  /** Null where it is too much to be counted while somebody waits. */
  readonly creditsUsedThisPeriod: Credits.Credits | null
  readonly seatsLimit: number | null
  readonly usersCount: number
  /** The first to come. */
  readonly users: ReadonlyArray<User>
  readonly pendingInvitations: ReadonlyArray<Pending>
}

/** Who is in it, or is asked to be. */
export interface Person {
  readonly id: Id.Id
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
}

interface User extends Person {
  readonly completedOnboarding: boolean
  readonly lastSeenAt: Instant.Instant | null
}

interface Pending extends Person {
  readonly createdAt: Instant.Instant
  readonly expiresAt: Instant.Instant
  readonly isExpired: boolean
}

export interface Subscribed {
  readonly subscription: Subscriptions.Subscription
  readonly plan: Plan.Version
}

interface Of {
  readonly client: Clients.Client
  readonly payer: Id.Id
  /** The client's own base subscription. */
  readonly own: Subscribed | undefined
  readonly at: Instant.Instant
}

export const workspace = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  { client, payer, own, at }: Of
): Promise<Workspace> => {
  const { users, pending, members, seatsLimit } = await WorkspaceView.people(db, organization, client.id, at)
  const lives = own !== undefined && own.subscription.state.status !== "canceled" ? own : undefined
  const state = lives?.subscription.state
  const used = await Entries.usedSinceRenewal(db, organization, payer, client.id)
  return {
    plan: lives === undefined ? null : { ...shownPlan(lives.plan), subscription: lives.subscription.id },
    pendingPlan: await pendingPlan(db, organization, state),
    currentPeriodStart: state?.periodStart ?? null,
    currentPeriodEnd: state?.periodEnd ?? null,
    creditPeriodStart: used.since,
    creditsUsedThisPeriod: used.amount,
    seatsLimit,
    usersCount: members,
    users: users.map((member) => ({
      ...personOf(member),
      completedOnboarding: member.onboardedAt !== null,
      lastSeenAt: member.lastSeenAt
    })),
    pendingInvitations: pending.map((invitation) => ({
      ...personOf(invitation),
      createdAt: invitation.createdAt,
      expiresAt: invitation.expiresAt,
      isExpired: Invitations.isExpired(invitation, at)
    }))
  }
}

const personOf = ({ id, email, name, role }: Person): Person => ({ id, email, name, role })

const shownPlan = ({ id, key, version, name, price, terms }: Plan.Version): PlanShown => ({
  id,
  key,
  version,
  name,
  price: { amount: price, currency: terms.currency },
  interval: terms.interval,
  creditsIncluded: terms.credits,
  creditInterval: terms.creditInterval
})

const pendingPlan = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  state: Subscription.Subscription | undefined
): Promise<Workspace["pendingPlan"]> => {
  if (state === undefined || state.pending?._tag !== "Plan") return null
  const { plan } = state.pending.terms
  const version = (await Plans.byIds(db, organization, [plan])).get(plan)
  return version === undefined ? null : { ...shownPlan(version), effectiveAt: state.periodEnd }
}
