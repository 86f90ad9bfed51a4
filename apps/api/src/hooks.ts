/**
 * What payment providers tell of their own accord, at `/hooks/{connection}`. Nobody has a token here: the provider signs, and
 * whoever does not is told nothing, not even whether there is such a connection.
 *
 * A notice that is known is answered like one that is new. One that is too early, since we have not learnt of its charge yet,
 * is asked for again.
 */
import { type Applied, applyNotice } from "@capstan/billing"
import type { Id } from "@capstan/domain"
import { Connections, Database, Due, Ids } from "@capstan/store"
import { Context, Effect, Result } from "effect"
import type { Hono } from "hono"
import * as Body from "./Body.ts"
import type { Services } from "./Handlers.ts"
import type { Log } from "./Log.ts"
import type { Metrics } from "./Metrics.ts"
import * as Visit from "./Visit.ts"

interface Needs {
  readonly services: Context.Context<Services>
  readonly log: Log
  readonly metrics: Metrics
}

interface Answer {
  readonly status: number
  readonly code: string
  readonly message: string
}

const name = "hooks"

export const mount = (app: Hono, { services, log, metrics }: Needs): void => {
  const { db } = Context.get(services, Database.Database)
  const run = Effect.runPromiseWith(services)

  const answerOf = async (connection: string, request: Request): Promise<Answer> => {
    const read = await Body.read(request)
    if (Result.isFailure(read)) return { status: 400, code: read.failure.code, message: read.failure.message }
    const body = textOf(read.success)
    const organization = Ids.isId(connection) ? await Connections.owner(db, connection) : undefined
    const now = organization === undefined ? undefined : await Due.now(db, organization)
    if (body === null || organization === undefined || now === undefined) return answers.unsigned
    const caller = { ...nobody, organization, now, actor: `connection:${connection}` }
    const applied = await run(Effect.result(applyNotice(caller, { connection, headers: request.headers, body })))
    return Result.isSuccess(applied) ? answers[applied.success] : answers.early
  }

  app.post("/hooks/:connection", async (c) => {
    const visit = Visit.begin(c.req.raw.headers)
    const { requestId } = visit
    const { status, code, message } = await answerOf(c.req.param("connection"), c.req.raw).catch(
      (defect: unknown): Answer => {
        log.defect(requestId, name, defect)
        return { status: 500, code: "internal_error", message: "It is not you: send it again later." }
      }
    )
    metrics.count(name, code, performance.now() - visit.began)
    Visit.end(log, visit, name, code, status)
    const said = status === 200 ? { received: true } : { code, message, details: {}, requestId }
    const more = status === 503 ? { "retry-after": "60" } : {}
    return Response.json(said, { status, headers: { ...more, "x-request-id": requestId, "cache-control": "no-store" } })
  })
}

const nobody = { reach: null, scopes: new Set<string>(), key: null, ifMatch: null } satisfies {
  readonly reach: Id.Id | null
  readonly scopes: ReadonlySet<string>
  readonly key: string | null
  readonly ifMatch: string | null
}

const answers: { readonly [A in Applied]: Answer } = {
  applied: { status: 200, code: "ok", message: "" },
  known: { status: 200, code: "ok", message: "" },
  unsigned: { status: 401, code: "unauthorized", message: "Sign the request with the secret of the connection." },
  early: { status: 503, code: "temporarily_unavailable", message: "Send it again later." }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })

const textOf = (bytes: Uint8Array<ArrayBuffer>): string | null => {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}
