/** The procedures over tRPC. A batch is admitted once, for as many calls as it has; each call is checked on its own. */
import { Problem, Procedure } from "@capstan/contract"
import { initTRPC, TRPCError } from "@trpc/server"
import { fetchRequestHandler } from "@trpc/server/adapters/fetch"
import { Result } from "effect"
import * as Body from "./Body.ts"
import * as Call from "./Call.ts"
import * as Visit from "./Visit.ts"

export const endpoint = "/trpc"

/** The most calls in a batch. */
const most = 100

interface Context {
  readonly visit: Visit.Visit
  readonly codes: Array<string>
}

class Thrown extends TRPCError {
  readonly problem: Problem.Problem
  constructor(problem: Problem.Problem) {
    super({ code: keys[problem.code], message: problem.message })
    this.problem = problem
  }
}

export const serve = (
  api: object,
  calls: ReadonlyArray<Call.Call>,
  { admission, metrics, log }: Visit.Needs
): ((request: Request) => Promise<Response>) => {
  const callsByName = new Map(
    calls.flatMap((call) => (call.procedure.kind === "download" ? [] : [[call.name, call] as const]))
  )
  const bodies = new WeakMap<Error, Problem.Body>()
  const t = initTRPC.context<Context>().create({
    isDev: false,
    errorFormatter: ({ shape, error }) => ({
      message: shape.message,
      code: shape.code,
      data: bodies.get(error) ?? Call.bodyOf(Problem.internal(), "")
    })
  })

  /** With which a procedure is called; none where there is no such procedure. */
  const verbsOf = (name = ""): ReadonlyArray<string> => {
    const call = callsByName.get(name)
    return call === undefined ? [] : [call.procedure.kind === "mutation" ? "POST" : "GET"]
  }

  const one = (call: Call.Call) => {
    const answer = async ({ visit, codes }: Context, input: unknown): Promise<unknown> => {
      const outcome = await outcomeOf(call, visit, input)
      const code = Call.codeOf(outcome)
      codes.push(code)
      metrics.count(call.name, code, performance.now() - visit.began)
      if (Result.isSuccess(outcome)) return outcome.success
      throw new Thrown(outcome.failure)
    }
    const procedure = t.procedure.input((input: unknown) => input)
    return call.procedure.kind === "query"
      ? procedure.query(({ ctx, input }) => answer(ctx, input))
      : procedure.mutation(({ ctx, input }) => answer(ctx, input))
  }

  const walk = (node: object, prefix: string): Parameters<typeof t.router>[0] => {
    const branch: Record<string, ReturnType<typeof one> | ReturnType<typeof walk>> = {}
    for (const [name, child] of Object.entries(node) as ReadonlyArray<[string, object]>) {
      const call = callsByName.get(`${prefix}${name}`)
      if (call !== undefined) branch[name] = one(call)
      else if (!Procedure.isProcedure(child)) branch[name] = walk(child, `${prefix}${name}.`)
    }
    return branch
  }
  const router = t.router(walk(api, ""))

  return async (request) => {
    const visit = Visit.begin(request.headers)
    const codes: Array<string> = []
    let names = "none"
    const bounded = await boundedBody(request)
    const response = Result.isFailure(bounded)
      ? refusal(bounded.failure, visit)
      : await fetchRequestHandler({
          endpoint,
          req: bounded.success,
          router,
          maxBatchSize: most,
          createContext: async ({ info }) => {
            const wanted = info.calls.map(({ path }) => callsByName.get(path))
            names = wanted.map((call) => call?.name ?? "none").join(",")
            const paid = wanted.filter((call) => call !== undefined && call.procedure.scope !== null).length
            if (paid > 0) visit.admitted = await admission.admit(Visit.tokenOf(request.headers), paid)
            return { visit, codes }
          },
          onError: ({ error, path }) => {
            const problem = problemOf(error, `${request.method} ${path ?? ""}`, verbsOf(path))
            bodies.set(error, Call.bodyOf(problem, visit.requestId))
            if (error instanceof Thrown) return
            codes.push(problem.code)
            if (problem.code === "internal_error") log.defect(visit.requestId, path ?? "none", error.cause ?? error)
          },
          responseMeta: ({ errors }) => ({
            ...(errors.length === 1 && errors.every(isWrongVerb) ? { status: 404 } : {}),
            headers: {
              ...Visit.headersOf(visit),
              ...errors.reduce(
                (headers, error) => Object.assign(headers, Visit.problemHeadersOf(problemOf(error, "", []))),
                {}
              )
            }
          })
        })
    const code = Result.isFailure(bounded) ? bounded.failure.code : (codes.find((code) => code !== "ok") ?? "ok")
    Visit.end(log, visit, names, code, response.status)
    return response
  }
}

const outcomeOf = (call: Call.Call, { admitted, requestId }: Visit.Visit, input: unknown): Promise<Call.Outcome> => {
  if (call.procedure.scope === null || admitted === null) return call.run(input, "json", null, requestId)
  return Result.isFailure(admitted)
    ? Promise.resolve(Result.fail(Visit.problemOf(admitted.failure)))
    : call.run(input, "json", admitted.success.caller, requestId)
}

const boundedBody = async (request: Request): Promise<Result.Result<Request, Problem.Problem>> => {
  if (request.method !== "POST") return Result.succeed(request)
  const fault = Body.announced(request.headers)
  if (fault !== null) return Result.fail(fault)
  if (request.headers.has("content-length")) return Result.succeed(request)
  const { url, method, headers } = request
  return Result.map(await Body.read(request), (body) => new Request(url, { method, headers, body }))
}

const refusal = (problem: Problem.Problem, visit: Visit.Visit): Response =>
  Response.json(
    { error: { message: problem.message, code: -32600, data: Call.bodyOf(problem, visit.requestId) } },
    {
      status: Problem.statuses[problem.code],
      headers: { ...Visit.headersOf(visit), ...Visit.problemHeadersOf(problem) }
    }
  )

const isWrongVerb = ({ code }: TRPCError): boolean => code === "METHOD_NOT_SUPPORTED"

/** What tRPC itself refuses. */
const problemOf = (error: TRPCError, asked: string, verbs: ReadonlyArray<string>): Problem.Problem => {
  if (error instanceof Thrown) return error.problem
  if (error.cause instanceof SyntaxError)
    return Problem.invalidRequest([{ path: "", reason: "the input is not JSON: check its syntax" }], "malformed_json")
  const { code, message } = error
  if (code === "UNSUPPORTED_MEDIA_TYPE")
    return Problem.invalidRequest([{ path: "", reason: message }], "unsupported_content_type")
  if (code === "BAD_REQUEST" || code === "PARSE_ERROR") return Problem.invalidRequest([{ path: "", reason: message }])
  return code === "METHOD_NOT_SUPPORTED" || code === "NOT_FOUND"
    ? Problem.noRoute(asked.slice(0, 200), verbs)
    : Problem.internal()
}

const keys: { readonly [C in Problem.Code]: TRPCError["code"] } = {
  invalid_request: "BAD_REQUEST",
  unauthorized: "UNAUTHORIZED",
  insufficient_credits: "PAYMENT_REQUIRED",
  spending_cap_reached: "PAYMENT_REQUIRED",
  payment_failed: "PAYMENT_REQUIRED",
  payment_action_required: "PAYMENT_REQUIRED",
  forbidden_capability_scope: "FORBIDDEN",
  resource_not_found: "NOT_FOUND",
  idempotency_conflict: "CONFLICT",
  conflict: "CONFLICT",
  precondition_failed: "PRECONDITION_FAILED",
  not_admissible: "UNPROCESSABLE_CONTENT",
  rate_limited: "TOO_MANY_REQUESTS",
  internal_error: "INTERNAL_SERVER_ERROR",
  upstream_error: "BAD_GATEWAY",
  temporarily_unavailable: "SERVICE_UNAVAILABLE",
  outcome_unknown: "SERVICE_UNAVAILABLE"
}
