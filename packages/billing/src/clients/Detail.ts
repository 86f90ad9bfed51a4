/**
 * A client in detail: its balances, its plan, how it pays, and what it has from above.
 *
 * Features and config are metadata by the keys `features.<name>` and `config.<name>`. A client has a feature only where
 * all above it have it as well.
 */
import {
  Calendar,
  ClientLifecycle,
  type Credits,
  type Id,
  type Instant,
  Subscription,
  Tree,
  Wallet,
  type Role
} from "@capstan/domain"
import {
  BillingView,
  type Caller,
  CapView,
  type Clients,
  ClientView,
  type Database,
  type PaymentMethods,
  Plans,
  Subscriptions
} from "@capstan/store"
import { allowanceKey } from "../subscriptions/Serve.ts"
import { type Subscribed, type Workspace, workspace } from "./Workspace.ts"

interface Pinned {
  readonly key: string
  readonly version: number
  readonly name: string
  readonly subscription: Id.Id
}

interface Parent {
  readonly id: Id.Id
  readonly name: string
  readonly email: string | null
  readonly status: ClientView.Client["status"]
  readonly onboardedAt: Instant.Instant | null
  readonly plan: Pinned | null
  readonly logoUrl: string | null
  readonly features: Readonly<Record<string, boolean>>
  readonly config: Readonly<Record<string, string>>
  readonly overdraftLimit: Credits.Credits
  readonly parent: Id.Id | null
}

interface Billing extends Omit<BillingView.Facts, "paymentMethod"> {
  readonly notifications: BillingView.Notifications
  readonly spendingCap: SpendingCap | null
  readonly usesParentBalance: boolean
  readonly overdraftLimit: Credits.Credits
  readonly paymentMethod: ReturnType<typeof shownMethod> | null
  readonly promo: { readonly balance: Credits.Credits; readonly resetAt: Instant.Instant | null }
}

interface SpendingCap extends Pick<
  CapView.Standing,
  "enforcement" | "every" | "id" | "limit" | "scope" | "thresholds"
> {
  readonly enabled: boolean
  /** When the present window began to count. */
  readonly resetAt: Instant.Instant
  readonly nextResetAt: Instant.Instant | null
  readonly used: bigint
  readonly held: bigint
  readonly headroom: bigint
}

/** Of the payer's wallet. */
export type Balances = {
  readonly [K in "available" | "balance" | "debt" | "held" | "overage" | "overdraft" | Wallet.Kind]: Credits.Credits
}

export interface ClientDetail extends ClientView.Client, Workspace {
  readonly balances: Balances
  readonly unlimitedCredits: boolean
  readonly nextCreditRenewalAt: Instant.Instant | null
  readonly logoUrl: string | null
  readonly features: Readonly<Record<string, boolean>>
  readonly config: Readonly<Record<string, string>>
  readonly billing: Billing
  readonly parentClient: Parent | null
  readonly role: Role.Member
}

/** The cap that billing shows; clients may have others beside it. */
export const capName = "default"

/** A cap that neither refuses nor tells is off. */
export const isOn = ({ enforcement, thresholds }: Pick<CapView.Standing, "enforcement" | "thresholds">): boolean =>
  enforcement === "hard" || thresholds.length > 0

interface Seen {
  readonly branch: Tree.Branch
  readonly at: Instant.Instant
}

export const detail = async (
  db: Database.Connection["db"],
  caller: Caller,
  parts: ClientView.Parts,
  { branch, at }: Seen
): Promise<ClientDetail> => {
  const { organization, reach } = caller
  const { client, ancestors } = parts
  const { payer, terms } = branch
  const [parent, ...above] = ancestors
  const subscriptions = await subscriptionsOf(db, organization, [client.id, payer, ...(parent ? [parent.id] : [])])
  const view = ClientView.present(parts)
  const { paymentMethod, ...facts } = await BillingView.facts(db, organization, client.id)
  const balances = balancesOf(branch, at)
  const own = subscriptions.get(client.id)
  const isFromAbove = reach !== client.id
  return {
    ...view,
    ...(await workspace(db, organization, { client, payer, own, at })),
    balances,
    unlimitedCredits: terms.unlimited,
    nextCreditRenewalAt:
      own === undefined ? null : Subscription.nextCreditRenewal(view.effectiveStatus, own.subscription.state).at,
    ...shown(client, ancestors),
    billing: {
      ...facts,
      notifications: await BillingView.notifications(db, organization, client.id, at),
      spendingCap: capOf(branch, client),
      usesParentBalance: client.usesParentBalance,
      overdraftLimit: client.overdraftLimit,
      paymentMethod: paymentMethod === null ? null : shownMethod(paymentMethod),
      promo: {
        balance: balances.promo,
        resetAt: await lastAllowance(db, organization, branch, subscriptions.get(payer), at)
      }
    },
    parentClient:
      parent === undefined || !isFromAbove
        ? null
        : {
            id: parent.id,
            name: parent.name,
            email: parent.email,
            status: ClientLifecycle.status(parent.lifecycle),
            onboardedAt: parent.lifecycle.onboardedAt,
            plan: pinned(subscriptions.get(parent.id)),
            ...shown(parent, above),
            overdraftLimit: parent.overdraftLimit,
            parent: parent.parent
          },
    role: roleOf(caller, client.id)
  }
}

const subscriptionsOf = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Subscribed>> => {
  const byClient = await Subscriptions.baseOf(db, organization, [...new Set(clients)])
  const plans = await Plans.byIds(db, organization, [...new Set([...byClient.values()].map(({ plan }) => plan))])
  return new Map(
    [...byClient].flatMap(([client, subscription]) => {
      const plan = plans.get(subscription.plan)
      return plan === undefined ? [] : [[client, { subscription, plan }] as const]
    })
  )
}

/** A member's own; of a token, what comes nearest to it. */
const roleOf = ({ person, reach, scopes }: Caller, client: Id.Id): Role.Member => {
  if (person?.kind === "member") return person.role
  if (reach !== client) return "ADMIN"
  return scopes.has("billing:write") ? "DEVELOPER" : "STAFF"
}

const pinned = (subscribed: Subscribed | undefined): Pinned | null => {
  if (subscribed === undefined || subscribed.subscription.state.status === "canceled") return null
  const { subscription, plan } = subscribed
  return { key: plan.key, version: plan.version, name: plan.name, subscription: subscription.id }
}

export const balancesOf = (branch: Tree.Branch, at: Instant.Instant): Balances => {
  const { wallet } = branch
  const left = (kind: Wallet.Kind): Credits.Credits =>
    wallet.lots.reduce((sum, lot) => (lot.kind === kind && !Wallet.isExpired(lot, at) ? sum + lot.left : sum), 0n)
  const { available } = Tree.headroom(branch, { at, feature: null, member: null, meter: null })
  const kinds = { promo: left("promo"), included: left("included"), extra: left("extra") }
  const owed = { overage: wallet.overage.used, overdraft: wallet.overdraft.used, debt: wallet.debt }
  return { balance: Wallet.balance(wallet, at), available, held: Wallet.held(wallet), ...kinds, ...owed }
}

const capOf = ({ counters }: Tree.Branch, { id, currency }: Clients.Client): SpendingCap | null => {
  const counter = counters.find(({ cap }) => cap.client === id && cap.name === capName)
  if (counter === undefined) return null
  const { window, limit, every, scope, enforcement, thresholds, ...cap } = CapView.present(counter, currency)
  const { start: resetAt, resetsAt: nextResetAt, used, held, headroom } = window
  const turning = { resetAt, nextResetAt, used, held, headroom }
  return {
    id: cap.id,
    enabled: isOn({ enforcement, thresholds }),
    limit,
    every,
    scope,
    enforcement,
    thresholds,
    ...turning
  }
}

const shownMethod = ({ id, type, brand, last4, inactive, failedAt, failedMessage }: PaymentMethods.PaymentMethod) => ({
  id,
  type,
  brand,
  last4,
  inactive,
  failedAt,
  failedMessage
})

/** What its metadata says of it. */
export const shown = (client: Clients.Client, ancestors: ReadonlyArray<Clients.Client>) => {
  const { logoUrl } = client.metadata
  const features: Record<string, boolean> = {}
  const config: Record<string, string> = {}
  for (const [key, value] of Object.entries(client.metadata)) {
    if (key.startsWith("features.") && typeof value === "boolean")
      features[key.slice("features.".length)] = value && ancestors.every(({ metadata }) => metadata[key] === true)
    if (key.startsWith("config.") && typeof value === "string") config[key.slice("config.".length)] = value
  }
  return { logoUrl: client.logoUrl ?? (typeof logoUrl === "string" ? logoUrl : null), features, config }
}

/** Further back nobody has to look: the lot of the last one tells. */
const mostAllowances = 100

const lastAllowance = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  { payer, wallet }: Tree.Branch,
  subscribed: Subscribed | undefined,
  at: Instant.Instant
): Promise<Instant.Instant | null> => {
  if (subscribed === undefined) return null
  const { subscription, plan } = subscribed
  const { id, state } = subscription
  const { promoAllowance } = plan.terms
  if (promoAllowance === null || state.creditAnchor === null || at < state.creditAnchor) return null
  const n = Calendar.indexAt(state.creditAnchor, promoAllowance.interval, state.zone, at)
  const keys = Array.from({ length: Math.min(n + 1, mostAllowances) }, (_, back) =>
    allowanceKey(id, { epoch: state.creditEpoch, n: n - back })
  )
  const posted = await BillingView.lastPosted(db, organization, payer, "renewal", keys)
  return posted ?? wallet.lots.find(({ allowance }) => allowance)?.effectiveAt ?? null
}
