/**
 * How it was before an event, and how it is after it. The payload says so of what changes. Of what begins or ends it just
 * tells: that is how it is then, or how it was, in one table by what the kind ends with.
 */
import type { Schema } from "effect"

export interface Sides {
  readonly before: Schema.Json
  readonly after: Schema.Json
  /** What else the payload tells. */
  readonly others: Payload
}

type Payload = Readonly<Record<string, Schema.Json>>

const told = {
  after: [
    "adjusted",
    "attached",
    "charged_back",
    "configured",
    "connected",
    "created",
    "granted",
    "invited",
    "paid",
    "placed",
    "published",
    "refund_requested",
    "refunded",
    "requested",
    "reversed",
    "rotated",
    "set",
    "started",
    "voided",
    "watched"
  ],
  before: ["archived", "deleted", "disabled", "disconnected", "removed", "revoked"],
  /** What changes, which tells of both; and what only happens. */
  neither: [
    "accepted",
    "action_required",
    "activated",
    "announced",
    "anonymized",
    "approved",
    "began",
    "billing_updated",
    "canceled",
    "change_scheduled",
    "changed",
    "closed",
    "credits_reanchored",
    "credits_renewed",
    "declined",
    "default_changed",
    "detached",
    "expired",
    "first_paid",
    "forecast",
    "forecast_announced",
    "imported",
    "low",
    "low_announced",
    "money_reanchored",
    "money_renewed",
    "moved",
    "not_reactivated",
    "not_settled",
    "onboarded",
    "out",
    "out_announced",
    "paused",
    "payer_changed",
    "pending_dropped",
    "reached",
    "reactivated",
    "reactivation_requested",
    "rearmed",
    "recovered",
    "refund_declined",
    "refund_unknown",
    "refused",
    "resent",
    "restored",
    "retries_spent",
    "service_resumed",
    "stopped",
    "succeeded",
    "suspended",
    "trial_ended",
    "trial_moved",
    "unknown",
    "unpaused",
    "updated",
    "waiting",
    "wanted",
    "went_past_due",
    "window_reset"
  ]
} as const

type Side = keyof typeof told

const sideByWord: ReadonlyMap<string, Side> = new Map(
  (["after", "before", "neither"] as const).flatMap((side) => told[side].map((word) => [word, side] as const))
)

/** What the table knows. */
export const words: ReadonlyArray<string> = [...sideByWord.keys()]

/** Undefined for a kind that the table does not know. */
export const sideOf = (kind: string): Side | undefined => sideByWord.get(kind.slice(kind.indexOf(".") + 1))

export const of = (kind: string, payload: Payload): Sides => {
  const { before = null, after = null, ...others } = payload
  // By `before` alone, a raise tells which limit it would change.
  if ("after" in payload || (typeof before === "object" && before !== null)) return { before, after, others }
  const side = Object.keys(payload).length === 0 ? "neither" : sideOf(kind)
  if (side === "after") return { before: null, after: payload, others: {} }
  if (side === "before") return { before: payload, after: null, others: {} }
  return { before: null, after: null, others: payload }
}
