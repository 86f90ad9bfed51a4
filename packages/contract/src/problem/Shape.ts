/** What a refusal looks like: each code has one status, and details of its own. */
import { ClientLifecycle, Id, Team, Tree } from "@capstan/domain"
import { Schema } from "effect"
import { Scope } from "../Scope.ts"
import * as Wire from "../Wire.ts"
import {
  ConflictReason,
  ForbiddenReason,
  InvalidReason,
  Issue,
  Reason,
  UnauthorizedReason,
  UnreadyReason,
  What
} from "./Reason.ts"

const problem = <const C extends string, F extends Schema.Struct.Fields>(code: C, details: F) =>
  Schema.Struct({
    code: Schema.Literal(code),
    message: Schema.String,
    details: Schema.Struct(details),
    requestId: Schema.optionalKey(Schema.String)
  })

const retryAfterMs = Schema.Natural.annotate({ description: "How long to wait before the next try, in milliseconds." })

/** Where it was a renewal of a lease that was refused. */
const settled = Schema.optionalKey(Wire.EntryId).annotate({
  description: "The entry by which the lease before was settled all the same."
})

const Person = Team.Person.annotate({ identifier: "SeatedPerson" })

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
    reason: ForbiddenReason,
    missing_capability: Schema.optionalKey(Scope).annotate({ description: "The scope that the token lacks." }),
    role: Schema.optionalKey(Schema.String).annotate({ description: "The role that may not." })
  }),
  resource_not_found: problem("resource_not_found", { what: What, id: Schema.String }),
  idempotency_conflict: problem("idempotency_conflict", {
    reason: Schema.Literal("key_payload_mismatch"),
    key: Schema.String
  }),
  conflict: problem("conflict", { reason: ConflictReason, what: Schema.String, value: Schema.String }),
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
    most: Schema.optionalKey(Schema.String),
    seats: Schema.optionalKey(Schema.Int).annotate({ description: "How many seats there are, or would be." }),
    taken: Schema.optionalKey(Schema.Int).annotate({ description: "Members and invitations that keep a seat." }),
    leaving: Schema.optionalKey(Schema.Array(Person)).annotate({
      description: "Who would have to go, the newest first: at most the first 100."
    })
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
