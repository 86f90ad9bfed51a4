/** What the domain's refusals are to a caller. Total by type: each of them has its problem, and says what to do. */
import { Credits, type Tree } from "@capstan/domain"
import { Schema } from "effect"
import * as Wire from "../Wire.ts"
import type { Reason, What } from "./Reason.ts"
import type { Problem } from "./Shape.ts"

export const ofRefusal = (refusal: Tree.Refusal): Problem => {
  switch (refusal._tag) {
    case "ClientNotOnboarded":
      return notAdmissibleBecause(
        "client_not_onboarded",
        "The client has not been onboarded: complete its onboarding first.",
        { client: refusal.client }
      )
    case "ClientSuspended":
      return notAdmissibleBecause("client_suspended", "The client is suspended: reactivate it first.", {
        client: refusal.client,
        causes: refusal.causes
      })
    case "AncestorSuspended":
      return notAdmissibleBecause(
        "ancestor_suspended",
        "A client above this one is suspended: reactivate that one first.",
        { client: refusal.client, ancestor: refusal.ancestor, causes: refusal.causes }
      )
    case "ClientClosed":
      return notAdmissibleBecause("client_closed", "The client is closed, for good: create a new one.", {
        client: refusal.client,
        at: refusal.at
      })
    case "SubscriptionNotPaid":
      return notAdmissibleBecause(
        "subscription_not_paid",
        "The first order of the subscription has not been paid: pay it first.",
        { client: refusal.client }
      )
    case "SubscriptionPaused":
      return notAdmissibleBecause("subscription_paused", "The subscription is paused: resume it first.", {
        client: refusal.client
      })
    case "SubscriptionCanceled":
      return notAdmissibleBecause("subscription_canceled", "The subscription has ended: create a new one.", {
        client: refusal.client
      })
    case "GraceEnded":
      return notAdmissibleBecause(
        "grace_ended",
        "A payment is overdue, and the time of grace is over: pay the open order first.",
        { client: refusal.client, at: refusal.at }
      )
    case "InsufficientCredits": {
      const { asked, available, missing, recharge } = refusal
      return {
        code: "insufficient_credits",
        message: `There are ${Credits.format(available)} credits to spend, ${Credits.format(missing)} too few: grant or buy more, or ask for less.`,
        details: { asked, available, missing, ...(recharge === undefined ? {} : { recharge }) }
      }
    }
    case "SpendingCapReached": {
      const { _tag, ...details } = refusal
      const reset =
        details.resetsAt === null ? "raise it" : `wait until it resets at ${wireInstant(details.resetsAt)}, or raise it`
      return {
        code: "spending_cap_reached",
        message: `The spending cap "${details.name}" leaves room for ${Credits.format(details.available)} credits: ask for less, ${reset}.`,
        details
      }
    }
    case "HoldNotFound":
      return notFound("hold", refusal.hold)
    case "HoldSettled":
      return notAdmissibleBecause(
        "hold_settled",
        `The hold has been settled (${refusal.outcome}), for good: consume, or reserve anew.`,
        { hold: refusal.hold, outcome: refusal.outcome }
      )
    case "HoldEndsInThePast":
      return notAdmissibleBecause("hold_ends_in_the_past", "The hold would end before it begins: give it more time.", {
        expiresAt: refusal.expiresAt
      })
    case "HoldIsLease":
      return notAdmissibleBecause(
        "is_a_lease",
        "The hold is a lease: settle it with what was spent of it, or wait until it ends.",
        { hold: refusal.hold }
      )
    case "HoldNotLease":
      return notAdmissibleBecause("not_a_lease", "The hold is not a lease: capture it, or release it.", {
        hold: refusal.hold
      })
    case "BeyondLease":
      return notAdmissibleBecause(
        "beyond_lease",
        `The lease had ${Credits.format(refusal.amount)} credits: settle it with that, and consume what was spent beyond.`,
        { field: "spent", hold: refusal.hold, most: Credits.format(refusal.amount) }
      )
    case "NotReversible":
      return notAdmissibleBecause(
        "not_reversible",
        `Of this entry ${Credits.format(refusal.reversible)} credits can still be given back: ask for no more than that.`,
        { reversible: refusal.reversible }
      )
    case "TooManyLots":
      return notAdmissibleBecause(
        "too_many_lots",
        `A wallet has at most ${refusal.most} lots: give the same expiry, priority and source as another lot, and they merge.`,
        { most: `${refusal.most}` }
      )
    case "BalanceTooLarge":
      return notAdmissibleBecause(
        "balance_too_large",
        `A wallet holds at most ${Credits.format(refusal.most)} credits: give fewer.`,
        { most: Credits.format(refusal.most) }
      )
    case "AlreadyOnboarded":
      return notAdmissibleBecause(
        "already_onboarded",
        "The client has been onboarded already: nothing is left to do.",
        {
          client: refusal.client,
          at: refusal.at
        }
      )
    case "AlreadySuspended":
      return notAdmissibleBecause("already_suspended", "The client is suspended already: nothing is left to do.", {
        client: refusal.client,
        causes: [refusal.cause]
      })
    case "NotSuspended":
      return notAdmissibleBecause(
        "not_suspended",
        "The client is not suspended for this cause: see its `suspensions` for those that are open.",
        { client: refusal.client, causes: [refusal.cause] }
      )
  }
}

export const notFound = (what: What, id: string): Problem => ({
  code: "resource_not_found",
  message: `There is no ${what} ${id} that you can see: check the id, and whose token you use.`,
  details: { what, id }
})

export const notAdmissibleBecause = (
  reason: Reason,
  message: string,
  details: Omit<Extract<Problem, { readonly code: "not_admissible" }>["details"], "reason"> = {}
): Problem => ({ code: "not_admissible", message, details: { reason, ...details } })

const wireInstant = Schema.encodeSync(Wire.Instant)
