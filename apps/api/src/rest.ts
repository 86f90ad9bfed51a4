/** The procedures over REST: path, query string, headers and body make one input. */
import { Problem } from "@capstan/contract"
import type { Caller } from "@capstan/store"
import { Result } from "effect"
import type { Context, Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import * as Body from "./Body.ts"
import * as Call from "./Call.ts"
import * as Download from "./Download.ts"
import type { Log } from "./Log.ts"
import * as Route from "./Route.ts"
import * as Visit from "./Visit.ts"

/** Where the token stands, and what a refusal looks like: ours, unless said. */
interface Manners {
  readonly tokenOf?: (headers: Headers) => string | null
  readonly bodyOf?: (problem: Problem.Problem, visit: Visit.Visit) => object
}

export const mount = (
  app: Hono,
  calls: ReadonlyArray<Call.Call>,
  { admission, metrics, log }: Visit.Needs,
  { tokenOf = Visit.tokenOf, bodyOf = ours }: Manners = {}
): void => {
  const verbsByPath = new Map<string, Array<string>>()
  const routed = calls.map((call) => ({ call, route: Route.of(call.procedure) }))
  for (const { call, route } of routed.toSorted((a, b) => Route.bySpelling(a.route[1], b.route[1]))) {
    const [verb, path] = route
    verbsByPath.set(path, [...(verbsByPath.get(path) ?? []), verb])
    app.on(verb, pattern(path), async (c) => {
      const visit = Visit.begin(c.req.raw.headers)
      return respond(c, visit, call, await answer(c, visit, call, Route.hasBody(verb)))
    })
  }
  for (const [path, verbs] of verbsByPath) app.all(pattern(path), (c) => unrouted(c, log, verbs))

  const answer = async (c: Context, visit: Visit.Visit, call: Call.Call, body: boolean): Promise<Call.Outcome> => {
    const bytes = body ? await Body.read(c.req.raw) : Result.succeed(Body.none)
    if (Result.isFailure(bytes)) return Result.fail(bytes.failure)
    let caller: Caller | null = null
    if (call.procedure.scope !== null) {
      const admitted = await admission.admit(tokenOf(c.req.raw.headers), 1)
      visit.admitted = admitted
      if (Result.isFailure(admitted)) return Result.fail(Visit.problemOf(admitted.failure))
      caller = admitted.success.caller
    }
    const given = body ? Body.parse(bytes.success) : Result.succeed(tree(c.req.queries()))
    if (Result.isFailure(given)) return Result.fail(given.failure)
    const input = inputOf(given.success, c, call)
    if (Result.isFailure(input)) return Result.fail(input.failure)
    return call.run(input.success, body ? "json" : "strings", caller, visit.requestId)
  }

  const respond = async (
    c: Context,
    visit: Visit.Visit,
    call: Call.Call,
    answered: Call.Outcome
  ): Promise<Response> => {
    const download = call.procedure.kind === "download" ? await Download.begin(answered, log, visit, call.name) : null
    const outcome = download ?? answered
    const headers = { ...Visit.headersOf(visit), "content-type": "application/json; charset=utf-8" }
    const status = Result.isSuccess(outcome) ? call.procedure.status : Problem.statuses[outcome.failure.code]
    metrics.count(call.name, Call.codeOf(outcome), performance.now() - visit.began)
    Visit.end(log, visit, call.name, Call.codeOf(outcome), status)
    if (download !== null && Result.isSuccess(download))
      return c.body(download.success.body, 200, { ...headers, ...download.success.headers })
    return Result.isSuccess(outcome)
      ? c.body(JSON.stringify(outcome.success), call.procedure.status, { ...headers, ...etagOf(outcome.success) })
      : c.body(JSON.stringify(bodyOf(outcome.failure, visit)), status as ContentfulStatusCode, {
          ...headers,
          ...Visit.problemHeadersOf(outcome.failure)
        })
  }
}

const ours = (problem: Problem.Problem, { requestId }: Visit.Visit): Problem.Body => Call.bodyOf(problem, requestId)

/** No such path, or not with this verb: then `verbs` are those that it has. */
export const unrouted = (c: Context, log: Log, verbs: ReadonlyArray<string> = []): Response => {
  const visit = Visit.begin(c.req.raw.headers)
  const problem = Problem.noRoute(`${c.req.method} ${c.req.path}`.slice(0, 200), verbs)
  Visit.end(log, visit, "none", problem.code, 404)
  return c.body(JSON.stringify(Call.bodyOf(problem, visit.requestId)), 404, {
    ...Visit.headersOf(visit),
    ...(verbs.length === 0 ? {} : { allow: verbs.join(", ") }),
    "content-type": "application/json; charset=utf-8"
  })
}

/** A defect outside of any procedure. */
export const broken = (c: Context, log: Log, defect: unknown): Response => {
  const visit = Visit.begin(c.req.raw.headers)
  log.defect(visit.requestId, "none", defect)
  const problem = Problem.internal()
  Visit.end(log, visit, "none", problem.code, 500)
  return c.body(JSON.stringify(Call.bodyOf(problem, visit.requestId)), 500, {
    ...Visit.headersOf(visit),
    "content-type": "application/json; charset=utf-8"
  })
}

/** A parameter that something stands before, such as `ext:{externalId}`, is told from others by that. */
const pattern = (path: string) =>
  path.replaceAll(prefixed, `:$2{$1(?::|%3[Aa])[^/]+}`).replaceAll(/(?<=\/)\{(\w+)\}/g, ":$1")
const prefixed = /(?<=\/)(\w+):\{(\w+)\}/g

/** What stands in the path, without what stands before it. */
const paramsOf = (c: Context, procedure: Call.Call["procedure"]): Record<string, string> => {
  const params: Record<string, string> = c.req.param()
  const [, path] = Route.of(procedure)
  for (const [, prefix = "", name = ""] of path.matchAll(prefixed))
    params[name] = (params[name] ?? "").slice(`${prefix}:`.length)
  return params
}

const etagOf = (answer: unknown): Record<string, string> =>
  typeof answer === "object" && answer !== null && "etag" in answer && typeof answer.etag === "string"
    ? { etag: answer.etag }
    : {}

/** Path and headers join the body, or the query string; nothing may be said twice. */
const inputOf = (given: unknown, c: Context, { procedure }: Call.Call): Result.Result<unknown, Problem.Problem> => {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return Result.fail(Problem.invalidRequest([{ path: "", reason: "must be a JSON object" }]))
  const elsewhere = paramsOf(c, procedure)
  const key = c.req.header("idempotency-key")
  if (key !== undefined && procedure.idempotency !== "none") elsewhere["idempotencyKey"] = key
  const version = c.req.header("if-match")
  if (version !== undefined && version !== "*" && procedure.ifMatch) elsewhere["ifMatch"] = version
  const twice = Object.keys(elsewhere).filter((name) => Object.hasOwn(given, name))
  const stray = Route.hasBody(c.req.method) ? Object.keys(c.req.query()) : []
  return twice.length + stray.length > 0
    ? Result.fail(
        Problem.invalidRequest([
          ...twice.map((path) => ({ path, reason: "stands in the path or in a header already: leave it out" })),
          ...stray.map((path) => ({ path, reason: "is not read from the query string here: leave it out" }))
        ])
      )
    : Result.succeed({ ...given, ...elsewhere })
}

/** `metadata[key]=value` is `{ metadata: { key: value } }`; what is given twice is a list. */
export const tree = (query: Readonly<Record<string, ReadonlyArray<string>>>): object => {
  const root: Record<string, unknown> = Object.create(null)
  for (const [name, values] of Object.entries(query)) {
    const value = values.length === 1 ? values[0] : values
    const [, field, key] = /^([^[\]]+)\[([^[\]]+)\]$/.exec(name) ?? []
    if (field === undefined || key === undefined) root[name] = value
    else {
      const branch = root[field]
      if (typeof branch === "object" && branch !== null && !Array.isArray(branch))
        Object.assign(branch, { [key]: value })
      else root[field] = Object.assign(Object.create(null), { [key]: value })
    }
  }
  return root
}
