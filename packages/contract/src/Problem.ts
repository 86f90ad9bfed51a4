/**
 * How a request is refused: one shape on both transports, `{code, message, details, requestId}`.
 *
 * `statuses` and `ofRefusal` are total by type: a refusal that the domain learns to give does not compile until it has a
 * code here. Messages say what to do. Amounts of credits and costs cross as decimal strings, instants as ISO 8601.
 */
import { ClientLifecycle, Credits, Id, Tree } from "@capstan/domain"
import { Schema } from "effect"
import { Scope } from "./Scope.ts"
import * as Wire from "./Wire.ts"

const problem = <const C extends string, F extends Schema.Struct.Fields>(code: C, details: F) =>
  Schema.Struct({
    code: Schema.Literal(code),
    message: Schema.String,
    details: Schema.Struct(details),
    requestId: Schema.optionalKey(Schema.String)
  })

const retryAfterMs = Schema.Natural.annotate({ description: "How long to wait before the next try, in milliseconds." })

export const InvalidReason = Schema.Literals([
  "invalid_input",
  "malformed_json",
  "body_too_large",
  "unsupported_content_type",
  "key_required",
  "out_of_range"
])
export const UnauthorizedReason = Schema.Literals([
  "token_missing",
  "token_malformed",
  "token_unknown",
  "token_expired",
  "token_revoked"
])
export const UnreadyReason = Schema.Literals([
  "overloaded",
  "database_unreachable",
  "migrations_pending",
  "clock_skewed",
  "durability_off",
  "deadline_passed",
  "api_unreachable",
  "lease_renewing"
])
export const Reason = Schema.Literals([
  "client_not_onboarded",
  "client_suspended",
  "ancestor_suspended",
  "client_closed",
  "subscription_not_paid",
  "subscription_paused",
  "subscription_canceled",
  "grace_ended",
  "hold_settled",
  "hold_ends_in_the_past",
  "not_reversible",
  "too_many_lots",
  "balance_too_large",
  "already_onboarded",
  "already_suspended",
  "not_suspended",
  "has_base_subscription",
  "plan_archived",
  "parent_too_deep",
  "parent_closed",
  "currency_differs",
  "no_price_in_currency",
  "scope_not_held",
  "stronger_than_maker",
  "set_from_above",
  "cap_in_use",
  "cap_not_counting",
  "minimum_required_cap",
  "raise_needs_consent",
  "raise_not_higher",
  "raise_pending",
  "raise_settled",
  "outside_range",
  "below_provider_minimum",
  "consent_required",
  "payment_method_required",
  "payment_method_inactive",
  "payment_method_rejected",
  "payment_method_in_use",
  "credit_pack_required",
  "credit_pack_archived",
  "recharge_off",
  "recharge_in_flight",
  "recharge_not_stopped",
  "connection_in_use",
  "gateway_refused",
  "live_in_sandbox",
  "sandbox_in_live",
  "connection_required",
  "order_not_paid",
  "not_refundable",
  "already_settled",
  "not_a_lease",
  "is_a_lease",
  "beyond_lease",
  "moves_below_itself",
  "holds_open",
  "no_parent",
  "not_admissible"
]).annotate({ identifier: "NotAdmissibleReason" })
export type Reason = typeof Reason.Type

export const What = Schema.Literals([
  "cap",
  "client",
  "connection",
  "creditPack",
  "entry",
  "hold",
  "order",
  "payment",
  "paymentMethod",
  "plan",
  "raise",
  "recharge",
  "route",
  "subscription",
  "token"
])
export type What = typeof What.Type

export const Issue = Schema.Struct({
  path: Schema.String.annotate({ description: "Where in the input, such as `items.3.amount`; empty for the whole." }),
  reason: Schema.String
}).annotate({ identifier: "Issue" })
export interface Issue extends Schema.Schema.Type<typeof Issue> {}

/** Where it was a renewal of a lease that was refused. */
const settled = Schema.optionalKey(Wire.EntryId).annotate({
  description: "The entry by which the lease before was settled all the same."
})

const RechargeStanding = Schema.Struct({ ...Tree.Standing.fields, dueAt: Schema.NullOr(Wire.Instant) }).annotate({
  identifier: "RechargeStanding",
  description: "How the auto-recharge of whoever pays stands, where it has one: what was missing may be on its way."
})

const cases = {
  invalid_request: problem("invalid_request", { reason: InvalidReason, issues: Schema.Array(Issue) }),
  unauthorized: problem("unauthorized", { reason: UnauthorizedReason }),
  insufficient_credits: problem("insufficient_credits", {
    settled,
    asked: Wire.Decimal,
    available: Wire.decimal("What could be spent."),
    missing: Wire.Decimal,
    recharge: Schema.optionalKey(RechargeStanding)
  }),
  spending_cap_reached: problem("spending_cap_reached", {
    settled,
    cap: Id.Id,
    name: Schema.String,
    client: Id.Id.annotate({ description: "Whose cap it is: the client's, or that of an ancestor." }),
    asked: Wire.Decimal,
    available: Wire.decimal("What all caps together would still let through."),
    limit: Wire.decimal("Minor units of the client's currency, as are `used` and `held`."),
    committed: Wire.decimal("What the fixed charges of the window take of it."),
    used: Wire.Decimal,
    held: Wire.Decimal,
    resetsAt: Schema.NullOr(Wire.Instant).annotate({ description: "When the window ends; null for a lifetime." })
  }),
  payment_failed: problem("payment_failed", {
    reason: Schema.String.annotate({ description: "The class of the decline, or the provider's code of it." })
  }),
  payment_action_required: problem("payment_action_required", { actionUrl: Schema.String }),
  forbidden_capability_scope: problem("forbidden_capability_scope", {
    reason: Schema.Literal("missing_capability"),
    missing_capability: Scope
  }),
  resource_not_found: problem("resource_not_found", { what: What, id: Schema.String }),
  idempotency_conflict: problem("idempotency_conflict", {
    reason: Schema.Literal("key_payload_mismatch"),
    key: Schema.String
  }),
  conflict: problem("conflict", { reason: Schema.Literal("taken"), what: Schema.String, value: Schema.String }),
  precondition_failed: problem("precondition_failed", {
    reason: Schema.Literal("version_stale"),
    current: Wire.Etag
  }),
  not_admissible: problem("not_admissible", {
    settled,
    reason: Reason,
    field: Schema.optionalKey(Schema.String).annotate({ description: "The field of the input that it is about." }),
    client: Schema.optionalKey(Id.Id),
    ancestor: Schema.optionalKey(Id.Id),
    causes: Schema.optionalKey(Schema.Array(ClientLifecycle.Cause)),
    at: Schema.optionalKey(Schema.NullOr(Wire.Instant)),
    hold: Schema.optionalKey(Id.Id),
    outcome: Schema.optionalKey(Tree.Outcome),
    expiresAt: Schema.optionalKey(Wire.Instant),
    reversible: Schema.optionalKey(Wire.Decimal),
    most: Schema.optionalKey(Schema.String)
  }),
  rate_limited: problem("rate_limited", { retryAfterMs }),
  internal_error: problem("internal_error", {}),
  upstream_error: problem("upstream_error", { upstream: Schema.String, retryAfterMs }),
  temporarily_unavailable: problem("temporarily_unavailable", { reason: UnreadyReason, retryAfterMs }),
  outcome_unknown: problem("outcome_unknown", { retryAfterMs })
}

export type Code = keyof typeof cases

export const Problem = Schema.Union([
  cases.invalid_request,
  cases.unauthorized,
  cases.insufficient_credits,
  cases.spending_cap_reached,
  cases.payment_failed,
  cases.payment_action_required,
  cases.forbidden_capability_scope,
  cases.resource_not_found,
  cases.idempotency_conflict,
  cases.conflict,
  cases.precondition_failed,
  cases.not_admissible,
  cases.rate_limited,
  cases.internal_error,
  cases.upstream_error,
  cases.temporarily_unavailable,
  cases.outcome_unknown
]).annotate({ identifier: "Problem", description: "Why a request was refused, and what to do." })
export type Problem = typeof Problem.Type

/** As it crosses. */
export type Body = typeof Problem.Encoded
export type BodyOf<C extends Code> = Extract<Body, { readonly code: C }>

/** The schema of one code, for documents. */
export const schema = (code: Code) => cases[code]

export const codes = Object.keys(cases) as ReadonlyArray<Code>

/** What any procedure may answer with. */
export const always = [
  "invalid_request",
  "unauthorized",
  "forbidden_capability_scope",
  "rate_limited",
  "internal_error",
  "temporarily_unavailable",
  "outcome_unknown"
] as const satisfies ReadonlyArray<Code>
export type Always = (typeof always)[number]

export const statuses: { readonly [C in Code]: number } = {
  invalid_request: 400,
  unauthorized: 401,
  insufficient_credits: 402,
  spending_cap_reached: 402,
  payment_failed: 402,
  payment_action_required: 402,
  forbidden_capability_scope: 403,
  resource_not_found: 404,
  idempotency_conflict: 409,
  conflict: 409,
  precondition_failed: 412,
  not_admissible: 422,
  rate_limited: 429,
  internal_error: 500,
  upstream_error: 502,
  temporarily_unavailable: 503,
  outcome_unknown: 503
}

export const encode: (problem: Problem) => Body = Schema.encodeSync(Problem)

/** How long to wait before the same request may be sent again; undefined where that is of no use. */
export const retryAfter = (problem: Body | Problem): number | undefined =>
  "retryAfterMs" in problem.details ? problem.details.retryAfterMs : undefined

const notAdmissibleBecause = (
  reason: Reason,
  message: string,
  details: Omit<Extract<Problem, { readonly code: "not_admissible" }>["details"], "reason"> = {}
): Problem => ({ code: "not_admissible", message, details: { reason, ...details } })

/** What the domain's refusals are to a caller. */
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

const wireInstant = Schema.encodeSync(Wire.Instant)

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

export const notFound = (what: What, id: string): Problem => ({
  code: "resource_not_found",
  message: `There is no ${what} ${id} that you can see: check the id, and whose token you use.`,
  details: { what, id }
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
