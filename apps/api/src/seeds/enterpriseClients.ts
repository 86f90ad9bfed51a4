/**
 * Clients of an enterprise, as another platform's API has them: its paths, its names, its refusals.
 *
 * The enterprise is the organization of the token, a client account the client's own wallet.
 */
import { reactivateClient, suspendClient } from "@capstan/billing"
import { Clients, type Problem, Procedure, Wire } from "@capstan/contract"
import { ClientLifecycle, Id } from "@capstan/domain"
import { type Caller, ClientView } from "@capstan/store"
import { Effect, Result, Schema } from "effect"
import type { Handler } from "../Handlers.ts"
import { read } from "../handlers/read.ts"
import * as Issues from "../Issues.ts"
import type { Visit } from "../Visit.ts"

const Client = Schema.Struct({
  id: Id.Id,
  resource: Schema.Literal("client"),
  display_name: Schema.String,
  external_id: Schema.NullOr(Schema.String),
  metadata: Wire.Metadata,
  scope_ref: Schema.String,
  default_client_account: Schema.String,
  status: ClientLifecycle.Status,
  etag: Schema.String,
  created_at: Wire.Instant,
  updated_at: Wire.Instant
})

const one = { client_id: Wire.ClientRef }
const transition = Schema.Struct({
  ...one,
  reason: Schema.NullOr(ClientLifecycle.Note),
  idempotencyKey: Wire.idempotencyKey,
  ifMatch: Wire.ifMatch
})
const moves = {
  scope: "clients:write",
  idempotency: "optional",
  ifMatch: true,
  input: transition,
  output: Client
} as const

export const procedures = {
  get: Procedure.query({
    rest: "GET /clients/{client_id}",
    summary: "Read a client",
    scope: "clients:read",
    input: Schema.Struct(one),
    output: Client,
    refuses: ["resource_not_found"]
  }),
  suspend: Procedure.mutation({
    ...moves,
    rest: "POST /clients/{client_id}/suspend",
    summary: "Suspend a client",
    refuses: Clients.procedures.suspend.refuses
  }),
  reactivate: Procedure.mutation({
    ...moves,
    rest: "POST /clients/{client_id}/reactivate",
    summary: "Reactivate a client",
    refuses: Clients.procedures.reactivate.refuses
  })
}

export const names = ["get", "suspend", "reactivate"] as const

const client =
  ({ organization }: Caller) =>
  ({ id, name, externalId, metadata, effectiveStatus, etag, createdAt, updatedAt }: ClientView.Client) => ({
    id,
    resource: "client" as const,
    display_name: name,
    external_id: externalId,
    metadata,
    scope_ref: `enterprises/${organization}`,
    default_client_account: `client-accounts/${id}`,
    status: effectiveStatus,
    etag: `W/"${etag}"`,
    created_at: createdAt,
    updated_at: updatedAt
  })

type Table = {
  readonly [K in keyof typeof procedures]: Handler<
    (typeof procedures)[K]["input"]["Type"],
    (typeof procedures)[K]["output"]["Type"]
  >
}

export const handlers: Table = {
  get: ({ client_id: ref }, caller) =>
    Effect.map(
      read((db) => ClientView.get(db, caller, ref)),
      client(caller)
    ),

  suspend: ({ client_id: ref, reason }, caller) =>
    Effect.map(
      suspendClient(caller, { client: ref, reason: isReason(reason) ? reason : null, note: reason }),
      client(caller)
    ),

  reactivate: ({ client_id: ref, reason: note }, caller) =>
    Effect.map(reactivateClient(caller, { client: ref, note }), client(caller))
}

/** What somebody writes freely may be one of the words that are counted. */
const isReason = Schema.is(ClientLifecycle.Reason)

/** `{code, message, details}`, each detail by its own name there. */
export const bodyOf = (problem: Problem.Problem, { admitted }: Visit): object => {
  const { code, message } = problem
  const details = detailsOf(problem, admitted !== null && Result.isFailure(admitted))
  return details === undefined ? { code, message } : { code, message, details }
}

/** Who may do what is asked first: where nobody answers that, it is said so. */
const detailsOf = (problem: Problem.Problem, unadmitted: boolean): object | undefined => {
  switch (problem.code) {
    case "invalid_request": {
      const { reason, issues } = problem.details
      return { reason: issues.some(isMissing) ? "missing_required_field" : reason, issues }
    }
    case "unauthorized":
    case "upstream_error":
    case "internal_error":
      return undefined
    case "resource_not_found":
      return { reason: `${problem.details.what}_not_found` }
    case "not_admissible": {
      const { reason } = problem.details
      return isInapplicable(reason) ? { reason: "not_applicable", because: reason } : { reason }
    }
    case "rate_limited":
      return { retry_after_ms: problem.details.retryAfterMs }
    case "temporarily_unavailable": {
      const { reason, retryAfterMs: retry_after_ms } = problem.details
      return { reason: unadmitted ? "downstream_rbac_unavailable" : reason, retry_after_ms }
    }
    case "outcome_unknown":
      return { retry_after_ms: problem.details.retryAfterMs }
    case "payment_action_required":
      return { action_url: problem.details.actionUrl }
    case "payment_failed":
    case "idempotency_conflict":
    case "conflict":
    case "precondition_failed":
    case "forbidden_capability_scope":
      return { reason: problem.details.reason }
    case "insufficient_credits":
    case "spending_cap_reached":
      return { reason: problem.code }
  }
}

const isMissing = ({ reason }: Problem.Issue): boolean => reason === Issues.missing

/** The client is not in a state from which this leads anywhere. */
const isInapplicable = (reason: string): boolean =>
  ["already_suspended", "client_closed", "not_suspended"].includes(reason)
