/** One HTTP request: its id, who sent it, and the line that the log gets of it. */
import { randomUUID } from "node:crypto"
import { Problem } from "@capstan/contract"
import type { Admission } from "@capstan/store"
import { Result } from "effect"
import type { Log } from "./Log.ts"
import type { Metrics } from "./Metrics.ts"

/** What answering takes, on either transport. */
export interface Needs {
  readonly admission: Admission.Admission
  readonly metrics: Metrics
  readonly log: Log
}

export interface Visit {
  readonly requestId: string
  readonly began: number
  /** null where no token was needed. */
  admitted: Result.Result<Admission.Admitted, Admission.Refused> | null
}

const sane = /^[A-Za-z0-9._:-]{1,128}$/

export const begin = (headers: Headers): Visit => {
  const given = headers.get("x-request-id")
  return {
    requestId: given !== null && sane.test(given) ? given : randomUUID(),
    began: performance.now(),
    admitted: null
  }
}

export const tokenOf = (headers: Headers): string | null => {
  const [, token = null] = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "") ?? []
  return token
}

export const end = (
  log: Log,
  { requestId, began, admitted }: Visit,
  procedure: string,
  code: string,
  status: number
) => {
  const caller = admitted !== null && Result.isSuccess(admitted) ? admitted.success.caller : null
  log.request({
    requestId,
    organization: caller?.organization ?? null,
    token: caller?.actor.replace(/^token:/, "") ?? null,
    procedure,
    code,
    status,
    ms: Math.round((performance.now() - began) * 10) / 10
  })
}

/** What goes with every answer to it. */
export const headersOf = ({ requestId, admitted }: Visit): Record<string, string> => {
  const headers: Record<string, string> = {
    "x-request-id": requestId,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff"
  }
  const rate =
    admitted === null
      ? null
      : Result.isSuccess(admitted)
        ? admitted.success.rate
        : admitted.failure._tag === "RateLimited"
          ? admitted.failure.rate
          : null
  if (rate !== null) {
    headers["ratelimit-policy"] = `"token";q=${rate.limit};w=1`
    headers["ratelimit"] = `"token";r=${rate.remaining};t=${Math.ceil(rate.resetMs / 1_000)}`
    // As they were before there was a draft of a standard: many clients look for no others.
    headers["x-ratelimit-limit"] = `${rate.limit}`
    headers["x-ratelimit-remaining"] = `${rate.remaining}`
    headers["x-ratelimit-reset"] = `${Math.ceil(rate.resetMs / 1_000)}`
  }
  return headers
}

/** What goes with a problem, besides. */
export const problemHeadersOf = (problem: Problem.Problem): Record<string, string> => {
  const retryAfterMs = Problem.retryAfter(problem)
  if (retryAfterMs !== undefined) return { "retry-after": `${Math.ceil(retryAfterMs / 1_000)}` }
  if (problem.code === "unauthorized") return { "www-authenticate": "Bearer" }
  // What was not read of it would stand before the next request.
  return problem.code === "invalid_request" && problem.details.reason === "body_too_large"
    ? { connection: "close" }
    : {}
}

export const problemOf = (refused: Admission.Refused): Problem.Problem => {
  switch (refused._tag) {
    case "Unauthorized":
      return Problem.unauthorized(`token_${refused.reason}`)
    case "RateLimited":
      return Problem.rateLimited(refused.retryAfterMs)
    case "Unavailable":
      return Problem.unavailable(refused.retryAfterMs, refused.reason)
  }
}
