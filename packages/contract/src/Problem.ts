/**
 * How a request is refused: one shape on both transports, `{code, message, details, requestId}`.
 *
 * `statuses` and `ofRefusal` are total by type: a refusal that the domain learns to give does not compile until it has a
 * code here. Messages say what to do. Amounts of credits and costs cross as decimal strings, instants as ISO 8601.
 */
import type { Team } from "@capstan/domain"
import { Schema } from "effect"
import {
  type ConflictReason,
  type InvalidReason,
  type Issue,
  Reason,
  type UnauthorizedReason,
  type UnreadyReason
} from "./problem/Reason.ts"
import { notAdmissibleBecause } from "./problem/Refusal.ts"
import type { Problem } from "./problem/Shape.ts"
import type { Scope } from "./Scope.ts"
import type * as Wire from "./Wire.ts"

export { InvalidReason, Issue, Reason, UnauthorizedReason, UnreadyReason, What } from "./problem/Reason.ts"
export { notFound, ofRefusal } from "./problem/Refusal.ts"
export {
  type Always,
  always,
  type Body,
  type BodyOf,
  type Code,
  codes,
  encode,
  Problem,
  retryAfter,
  schema,
  statuses
} from "./problem/Shape.ts"

export const invalidRequest = (
  issues: ReadonlyArray<Issue>,
  reason: typeof InvalidReason.Type = "invalid_input"
): Problem => ({
  code: "invalid_request",
  message: `Mend the request: ${issues.map(({ path, reason }) => (path === "" ? reason : `${path}: ${reason}`)).join("; ")}`,
  details: { reason, issues }
})

/** A procedure that moves credits or money was called without a key. */
export const keyRequired = (): Problem =>
  invalidRequest(
    [{ path: "idempotencyKey", reason: "is required here, so that a retry does nothing twice" }],
    "key_required"
  )

/** What refused the new slice of a lease, told of the old one: something was done. */
export const notRenewed = (problem: Problem, settled: typeof Wire.EntryId.Type): Problem => {
  const message = `${problem.message} The lease before it has been settled.`
  if (problem.code === "insufficient_credits") return { ...problem, message, details: { ...problem.details, settled } }
  if (problem.code === "spending_cap_reached") return { ...problem, message, details: { ...problem.details, settled } }
  if (problem.code === "not_admissible") return { ...problem, message, details: { ...problem.details, settled } }
  return problem.code === "temporarily_unavailable" ? outcomeUnknown(problem.details.retryAfterMs) : problem
}

const unauthorizedBecause: { readonly [R in typeof UnauthorizedReason.Type]: string } = {
  token_missing: "Send an access token: `Authorization: Bearer capstan_...`.",
  token_malformed: "This is not an access token, or part of it is missing: copy it whole.",
  token_unknown: "There is no such access token: create one, and use it.",
  token_expired: "The access token has expired: create a new one.",
  token_revoked: "The access token has been revoked: create a new one."
}

export const unauthorized = (reason: typeof UnauthorizedReason.Type): Problem => ({
  code: "unauthorized",
  message: unauthorizedBecause[reason],
  details: { reason }
})

export const forbidden = (scope: Scope): Problem => ({
  code: "forbidden_capability_scope",
  message: `The access token lacks the scope ${scope}: use one that has it.`,
  details: { reason: "missing_capability", missing_capability: scope }
})

export const roleMayNot = (role: string): Problem => ({
  code: "forbidden_capability_scope",
  message: `The role ${role} may not do this: ask somebody whose role may.`,
  details: { reason: "role_may_not", role }
})

/** `verbs` are those that the path has. */
export const noRoute = (asked: string, verbs: ReadonlyArray<string>): Problem => ({
  code: "resource_not_found",
  message:
    verbs.length === 0
      ? `There is no route ${asked}: check the path against /openapi.json.`
      : `There is no route ${asked}: send ${verbs.join(" or ")}.`,
  details: { what: "route", id: asked }
})

export const keyReused = (key: string): Problem => ({
  code: "idempotency_conflict",
  message: "This key was used for a request with another payload: use a new key, or send the payload of then.",
  details: { reason: "key_payload_mismatch", key }
})

export const taken = (what: string, value: string): Problem => ({
  code: "conflict",
  message: `The ${what} ${value} is taken: choose another.`,
  details: { reason: "taken", what, value }
})

/** Somebody has that address in the client already. */
export const alreadyHere = (
  reason: Exclude<typeof ConflictReason.Type, "taken">,
  message: string,
  email: string
): Problem => ({ code: "conflict", message, details: { reason, what: "e-mail address", value: email } })

const mostLeaving = 100

export const seatsTaken = (seats: number, taken: number, leaving: ReadonlyArray<Team.Person>): Problem =>
  notAdmissibleBecause(
    "seats_taken",
    `${taken} seats are taken: to have ${seats}, remove members or revoke invitations first, ${taken - seats} in all.`,
    { field: "seats", seats, taken, leaving: leaving.slice(0, mostLeaving) }
  )

export const versionStale = (current: string): Problem => ({
  code: "precondition_failed",
  message: "Another change came first: read it again, and decide anew.",
  details: { reason: "version_stale", current }
})

const isReason = Schema.is(Reason)

/** A reason that is not of the closed list is told by the message alone. */
export const notAdmissible = (reason: string, message: string, field?: string): Problem =>
  notAdmissibleBecause(isReason(reason) ? reason : "not_admissible", message, field === undefined ? {} : { field })

export const paymentFailed = (reason: string, message: string): Problem => ({
  code: "payment_failed",
  message: `The payment was declined: ${message}`,
  details: { reason }
})

export const paymentActionRequired = (actionUrl: string): Problem => ({
  code: "payment_action_required",
  message:
    "Whoever pays has to confirm this at the provider's: send them to `actionUrl`, then ask again with the same key.",
  details: { actionUrl }
})

/** Nothing was done. */
export const upstream = (upstream: string, retryAfterMs: number): Problem => ({
  code: "upstream_error",
  message: `${upstream} did not answer as it should. Nothing was done: try again in ${retryAfterMs} ms.`,
  details: { upstream, retryAfterMs }
})

export const rateLimited = (retryAfterMs: number): Problem => ({
  code: "rate_limited",
  message: `Too many requests with this token: wait ${retryAfterMs} ms.`,
  details: { retryAfterMs }
})

const unavailableBecause: { readonly [R in typeof UnreadyReason.Type]: string } = {
  overloaded: "More requests wait than can be served",
  database_unreachable: "The database cannot be reached",
  migrations_pending: "The database has not been migrated: run `capstan migrate`",
  clock_skewed: "The clocks of this machine and of the database differ by more than a second",
  durability_off: "The database runs with fsync = off, and could lose what it acknowledged",
  deadline_passed: "This took too long, and was given up",
  api_unreachable: "The API cannot be reached, and what was leased is spent",
  lease_renewing: "What was leased is spent, and more is being asked for"
}

/** Nothing was done. */
export const unavailable = (retryAfterMs: number, reason: typeof UnreadyReason.Type = "overloaded"): Problem => ({
  code: "temporarily_unavailable",
  message: `${unavailableBecause[reason]}. Nothing was done: try again in ${retryAfterMs} ms.`,
  details: { reason, retryAfterMs }
})

/** It may have been done. */
export const outcomeUnknown = (retryAfterMs: number): Problem => ({
  code: "outcome_unknown",
  message: `It is not known yet whether this was done: send it again with the same key in ${retryAfterMs} ms.`,
  details: { retryAfterMs }
})

/** A defect of ours: the log has it, under the request's id. */
export const internal = (): Problem => ({
  code: "internal_error",
  message: "Something is broken here. Nothing about it is yours to mend: report the request's id.",
  details: {}
})
