/** Why a tree will not: every refusal of spending and of the lifecycle. */
import { Schema } from "effect"
import * as ClientLifecycle from "../ClientLifecycle.ts"
import { Cost } from "../Cost.ts"
import * as Credits from "../Credits.ts"
import { Id } from "../Id.ts"
import { Instant } from "../Instant.ts"
import * as SpendingCap from "../SpendingCap.ts"
import type * as Wallet from "../Wallet.ts"
import { Outcome } from "./Branch.ts"
import { Standing } from "./Watch.ts"

export const Refusal = Schema.TaggedUnion({
  ClientNotOnboarded: { client: Id },
  ClientSuspended: { client: Id, causes: Schema.Array(ClientLifecycle.Cause) },
  AncestorSuspended: { client: Id, ancestor: Id, causes: Schema.Array(ClientLifecycle.Cause) },
  ClientClosed: { client: Id, at: Instant },
  SubscriptionNotPaid: { client: Id },
  SubscriptionPaused: { client: Id },
  SubscriptionCanceled: { client: Id },
  GraceEnded: { client: Id, at: Schema.NullOr(Instant) },
  /** `recharge` is how the payer's auto-recharge stands, where it has one. */
  InsufficientCredits: {
    asked: Credits.Credits,
    available: Credits.Credits,
    missing: Credits.Credits,
    recharge: Schema.optionalKey(Standing)
  },
  /** Credits would cover it; of the caps that bind, this one has the least room. `available` is what all let through. */
  SpendingCapReached: {
    cap: Id,
    name: Schema.String,
    client: Id,
    asked: Credits.Credits,
    available: Credits.Credits,
    limit: Cost,
    committed: Cost,
    used: Cost,
    held: Cost,
    resetsAt: Schema.NullOr(Instant)
  },
  HoldNotFound: { hold: Id },
  HoldSettled: { hold: Id, outcome: Outcome },
  HoldEndsInThePast: { expiresAt: Instant },
  /** Only whoever holds a lease knows what was spent of it: it is settled, neither captured nor released. */
  HoldIsLease: { hold: Id },
  HoldNotLease: { hold: Id },
  /** More is said to be spent of a lease than it had. */
  BeyondLease: { hold: Id, amount: Credits.Credits, spent: Credits.Credits },
  NotReversible: { reversible: Credits.Credits },
  TooManyLots: { most: Schema.Natural },
  BalanceTooLarge: { most: Credits.Credits },
  AlreadyOnboarded: { client: Id, at: Instant },
  AlreadySuspended: { client: Id, cause: ClientLifecycle.Cause },
  NotSuspended: { client: Id, cause: ClientLifecycle.Cause }
})
export type Refusal = typeof Refusal.Type

/** A wallet's refusal, told of the cap that bound. */
export const ofWallet = (refusal: Wallet.Refusal, counters: ReadonlyArray<SpendingCap.Counter>): Refusal => {
  if (refusal._tag !== "Capped") return refusal
  const { asked, available, scope } = refusal
  const bound = SpendingCap.binding(counters, scope)
  if (bound === undefined) return { _tag: "InsufficientCredits", asked, available, missing: asked - available }
  const { cap, window } = bound
  return {
    _tag: "SpendingCapReached",
    cap: cap.id,
    name: cap.name,
    client: cap.client,
    asked,
    available,
    limit: cap.limit,
    committed: cap.committed,
    used: window.used,
    held: window.held,
    resetsAt: window.end
  }
}

export const ofLifecycle = (client: Id, refusal: ClientLifecycle.Refusal): Refusal => {
  switch (refusal._tag) {
    case "AlreadyOnboarded":
    case "ClientClosed":
      return { _tag: refusal._tag, client, at: refusal.at }
    case "AlreadySuspended":
    case "NotSuspended":
      return { _tag: refusal._tag, client, cause: refusal.cause }
  }
}
