/** How a client stands, all of it at one moment: what programs ask before they let somebody in. */
import { type Credits, type Id, type Instant, Subscription, Tree } from "@capstan/domain"
import { type Caller, CapView, ClientView, SubscriptionView, Trees } from "@capstan/store"
import { Effect } from "effect"
import { nextExpiry } from "../credits/GetBalance.ts"
import type { Refused } from "../Doors.ts"
import { type Balances, balancesOf, shown } from "./Detail.ts"

export interface ClientState {
  readonly at: Instant.Instant
  readonly client: ClientView.Client
  /** Those that live, and the last that did not where none does; the base one first. */
  readonly subscriptions: ReadonlyArray<SubscriptionView.Subscription>
  readonly entitlements: {
    /** What may be spent: everything, what was bought, or nothing, and why. */
    readonly use: Subscription.Rights["use"]
    readonly refusal: Tree.Refusal | null
    /** Whether people may be invited. */
    readonly invite: boolean
    readonly features: Readonly<Record<string, boolean>>
    readonly seats: { readonly limit: number | null; readonly members: number; readonly invitations: number }
  }
  readonly credits: Balances & {
    readonly payer: Id.Id
    readonly unlimited: boolean
    readonly nextExpiry: { readonly at: Instant.Instant; readonly amount: Credits.Credits } | null
    readonly nextRenewalAt: Instant.Instant | null
  }
  /** All that bind it: its own, and those of its ancestors. */
  readonly caps: ReadonlyArray<CapView.Standing>
}

export const getState = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name }: { readonly client: string }
): Effect.fn.Return<ClientState, Refused, Trees.Trees> {
  const trees = yield* Trees.Trees
  return present(yield* Effect.fromResult(yield* Effect.promise(() => trees.survey(caller, name))))
})

const present = ({ branch, at, client, ancestors, subscriptions, seats }: Trees.Surveyed): ClientState => {
  const [first] = subscriptions
  const base = first?.subscription.base === true ? first.subscription : undefined
  const view = ClientView.present({ client, ancestors, subscription: base?.state.status ?? null })
  const { policy } = branch
  const { invite } = Subscription.rights({
    client: view.effectiveStatus,
    subscription: base?.state ?? null,
    at,
    policy
  })
  const use = Tree.useOf(branch, at)
  return {
    at,
    client: view,
    subscriptions: subscriptions.map(({ subscription, plan }) =>
      SubscriptionView.present(subscription, plan.key, view.effectiveStatus)
    ),
    entitlements: {
      use: typeof use === "string" ? use : "none",
      refusal: typeof use === "string" ? null : use,
      invite,
      features: shown(client, ancestors).features,
      seats: { limit: seats.seatsLimit, members: seats.members, invitations: seats.invitations }
    },
    credits: {
      ...balancesOf(branch, at),
      payer: branch.payer,
      unlimited: branch.terms.unlimited,
      nextExpiry: nextExpiry(branch.wallet.lots, at),
      nextRenewalAt: base === undefined ? null : Subscription.nextCreditRenewal(view.effectiveStatus, base.state).at
    },
    caps: branch.counters.map((counter) => CapView.present(counter, client.currency))
  }
}
