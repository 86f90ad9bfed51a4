/**
 * What a client may do, and which clocks run: one table, total over the status of the client and of its subscription.
 *
 * Every other answer about rights, in the gate, the reports and the clocks, is read from here. Where client and subscription
 * both have a word, the narrower one counts. A hold taken before may always be captured: that is no new use.
 */
import type * as ClientLifecycle from "../ClientLifecycle.ts"
import type { Instant } from "../Instant.ts"
import type { Status, Subscription } from "./State.ts"

/** From the narrowest to the widest. `bought` is bought and one-off promo lots. */
const uses = ["none", "bought", "all"] as const
const creditClocks = ["stopped", "runs"] as const
/** `advances` turns periods and charges nothing; `retries` turns them, and only open orders are charged again. */
const moneyClocks = ["ended", "stopped", "advances", "retries", "runs"] as const

export interface Rights {
  readonly use: (typeof uses)[number]
  readonly creditClock: (typeof creditClocks)[number]
  readonly moneyClock: (typeof moneyClocks)[number]
  readonly autoRecharge: boolean
  /** Invitations, members, seats. */
  readonly invite: boolean
  /** Reading, exporting, paying what is open. */
  readonly read: true
}

export interface Policy {
  readonly rechargeInTrial: boolean
  readonly useBoughtAfterCancel: boolean
}

interface Row {
  readonly use: Rights["use"] | "untilGraceEnds" | "boughtIfPolicy"
  readonly creditClock: Rights["creditClock"]
  readonly moneyClock: Rights["moneyClock"]
  readonly autoRecharge: boolean | "ifOrganizationSays"
  readonly invite: boolean
}

export const clientRows: { readonly [S in ClientLifecycle.Status]: Row } = {
  pending_onboarding: { use: "none", creditClock: "stopped", moneyClock: "stopped", autoRecharge: false, invite: true },
  active: { use: "all", creditClock: "runs", moneyClock: "runs", autoRecharge: true, invite: true },
  suspended: { use: "none", creditClock: "stopped", moneyClock: "advances", autoRecharge: false, invite: false },
  closed: { use: "none", creditClock: "stopped", moneyClock: "ended", autoRecharge: false, invite: false }
}

/**
 * A client without a subscription is prepaid: it has no clocks, and may use what it holds. A pause is to one subscription
 * what a suspension is to a client.
 */
export const subscriptionRows: { readonly [S in Status | "none"]: Row } = {
  none: { use: "all", creditClock: "stopped", moneyClock: "stopped", autoRecharge: true, invite: true },
  incomplete: { use: "none", creditClock: "stopped", moneyClock: "stopped", autoRecharge: false, invite: true },
  trialing: {
    use: "all",
    creditClock: "runs",
    moneyClock: "advances",
    autoRecharge: "ifOrganizationSays",
    invite: true
  },
  active: { use: "all", creditClock: "runs", moneyClock: "runs", autoRecharge: true, invite: true },
  past_due: { use: "untilGraceEnds", creditClock: "stopped", moneyClock: "retries", autoRecharge: false, invite: true },
  paused: { use: "none", creditClock: "stopped", moneyClock: "advances", autoRecharge: false, invite: false },
  canceled: { use: "boughtIfPolicy", creditClock: "stopped", moneyClock: "ended", autoRecharge: false, invite: true }
}

export interface Facts {
  readonly client: ClientLifecycle.Status
  readonly subscription: Pick<Subscription, "graceEndsAt" | "status"> | null
  readonly at: Instant
  readonly policy: Policy
}

export const rights = (facts: Facts): Rights => {
  const client = clientRows[facts.client]
  const subscription = subscriptionRows[facts.subscription?.status ?? "none"]
  return {
    use: narrower(uses, useOf(client, facts), useOf(subscription, facts)),
    creditClock: creditClock(facts.client, facts.subscription),
    moneyClock: moneyClock(facts.client, facts.subscription),
    autoRecharge: mayRecharge(client, facts.policy) && mayRecharge(subscription, facts.policy),
    invite: client.invite && subscription.invite,
    read: true
  }
}

/** The clocks depend on the two statuses alone. */
export const creditClock = (client: ClientLifecycle.Status, state: Facts["subscription"]): Rights["creditClock"] =>
  narrower(creditClocks, clientRows[client].creditClock, subscriptionRows[state?.status ?? "none"].creditClock)

export const moneyClock = (client: ClientLifecycle.Status, state: Facts["subscription"]): Rights["moneyClock"] =>
  narrower(moneyClocks, clientRows[client].moneyClock, subscriptionRows[state?.status ?? "none"].moneyClock)

const narrower = <Word>(scale: ReadonlyArray<Word>, a: Word, b: Word): Word =>
  scale.indexOf(a) < scale.indexOf(b) ? a : b

const useOf = (row: Row, { at, policy, subscription }: Facts): Rights["use"] => {
  switch (row.use) {
    case "untilGraceEnds":
      return at < (subscription?.graceEndsAt ?? at) ? "all" : "none"
    case "boughtIfPolicy":
      return policy.useBoughtAfterCancel ? "bought" : "none"
    case "all":
    case "bought":
    case "none":
      return row.use
  }
}

const mayRecharge = (row: Row, policy: Policy): boolean =>
  row.autoRecharge === "ifOrganizationSays" ? policy.rechargeInTrial : row.autoRecharge
