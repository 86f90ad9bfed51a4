/**
 * One call of a procedure, whatever transport it came by: is it allowed, is it well formed, what is the answer.
 */
import { Problem, Procedure, Roles } from "@capstan/contract"
import type { Caller } from "@capstan/store"
import { Cause, type Context, Effect, Exit, Option, Result, Schema } from "effect"
import type { Handler, Services } from "./Handlers.ts"
import * as Issues from "./Issues.ts"
import type { Log } from "./Log.ts"
import { problemOf } from "./problemOf.ts"

export type Outcome = Result.Result<unknown, Problem.Problem>

/** Query strings know texts only: `limit=20`. */
type Form = "json" | "strings"

export interface Call {
  readonly name: string
  readonly procedure: Procedure.Any
  /** The answer as it crosses; of a download, what it is made of. */
  readonly run: (input: unknown, form: Form, caller: Caller | null, requestId: string) => Promise<Outcome>
}

export interface Terms {
  readonly services: Context.Context<Services>
  readonly log: Log
  /** How long an answer may take. */
  readonly deadlineMs: number
}

export const of = (
  name: string,
  procedure: Procedure.Any,
  handler: Handler<unknown, unknown>,
  { services, log, deadlineMs }: Terms
): Call => {
  const strict = { errors: "all", onExcessProperty: "error" } as const
  const decoders = {
    json: Schema.decodeUnknownResult(procedure.input, strict),
    strings: Schema.decodeUnknownResult(Schema.toCodecStringTree(procedure.input), strict)
  }
  const encode =
    procedure.kind === "download" ? (download: unknown) => download : Schema.encodeUnknownSync(procedure.output)
  const runPromiseExit = Effect.runPromiseExitWith(services)
  const late: Outcome = Result.fail(
    procedure.kind !== "mutation" ? Problem.unavailable(1_000, "deadline_passed") : Problem.outcomeUnknown(1_000)
  )

  const answer = async (input: unknown, caller: Caller, requestId: string): Promise<Outcome> => {
    const exit = await runPromiseExit(handler(input, caller))
    if (Exit.isSuccess(exit)) return Result.succeed(encode(exit.value))
    const refusal = Cause.findErrorOption(exit.cause)
    if (Option.isSome(refusal)) return Result.fail(problemOf(refusal.value))
    log.defect(requestId, name, Cause.squash(exit.cause))
    return Result.fail(Problem.internal())
  }

  const inTime = (answer: Promise<Outcome>): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, deadlineMs, late)
      answer.then(resolve, reject).finally(() => clearTimeout(timer))
    })

  const run = async (raw: unknown, form: Form, caller: Caller | null, requestId: string): Promise<Outcome> => {
    const forbidden = forbiddenTo(caller, name, procedure)
    if (forbidden !== undefined) return Result.fail(forbidden)
    const decoded = decoders[form](raw ?? {})
    if (Result.isFailure(decoded)) return Result.fail(Problem.invalidRequest(Issues.of(decoded.failure.issue)))
    const { idempotencyKey = null, ifMatch = null } = decoded.success as Given
    if (procedure.idempotency === "required" && idempotencyKey === null) return Result.fail(Problem.keyRequired())
    try {
      return await inTime(answer(decoded.success, { ...(caller ?? nobody), key: idempotencyKey, ifMatch }, requestId))
    } catch (defect) {
      log.defect(requestId, name, defect)
      return Result.fail(Problem.internal())
    }
  }

  return { name, procedure, run }
}

/** By its scopes, and by the role of the person whose session it is. */
const forbiddenTo = (caller: Caller | null, name: string, { scope }: Procedure.Any): Problem.Problem | undefined => {
  if (scope === null) return undefined
  if (caller === null) return Problem.unauthorized("token_missing")
  if (!caller.scopes.has(scope)) return Problem.forbidden(scope)
  const { person } = caller
  if (person === undefined) return undefined
  return Roles.may(person, name, scope) ? undefined : Problem.roleMayNot(person.role)
}

/** Key and version are fields of the input where a procedure takes them. */
interface Given {
  readonly idempotencyKey?: string
  readonly ifMatch?: string
}

/** Who calls what is open to anyone. */
const nobody: Caller = {
  organization: "00000000-0000-0000-0000-000000000000",
  reach: null,
  actor: "nobody",
  scopes: new Set(),
  now: 0,
  key: null,
  ifMatch: null
}

export const codeOf = (outcome: Outcome): string => (Result.isSuccess(outcome) ? "ok" : outcome.failure.code)

/** As it crosses, on both transports. */
export const bodyOf = (problem: Problem.Problem, requestId: string): Problem.Body => ({
  ...Problem.encode(problem),
  requestId
})
