/**
 * Raises, decided on by a signed link: whoever has it needs no token. To look changes nothing; a button decides, and
 * leads back to the page, which says what has become of it.
 */
import type { KeyObject } from "node:crypto"
import { decideByLink, linked, SignedLink } from "@capstan/billing"
import { Clients, Database, Due, RaiseView } from "@capstan/store"
import { Context, Effect, Exit, Result } from "effect"
import type { Context as Asked, Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { Services } from "../Handlers.ts"
import type { Log } from "../Log.ts"
import type { Metrics } from "../Metrics.ts"
import * as Visit from "../Visit.ts"
import { headers } from "./Page.ts"
import * as raisePage from "./raisePage.ts"

interface Needs {
  readonly services: Context.Context<Services>
  readonly pepper: KeyObject
  readonly log: Log
  readonly metrics: Metrics
}

interface Answer {
  readonly status: number
  readonly code: string
  readonly page: string
  /** Where to look, instead of a page. */
  readonly seeOther?: string
}

const root = SignedLink.roots.raise

type Verdict = "Approve" | "Decline"

export const mount = (app: Hono, { services, pepper, log, metrics }: Needs): void => {
  const { db } = Context.get(services, Database.Database)
  const runPromiseExit = Effect.runPromiseExitWith(services)

  const answerOf = async (token: string, verdict: Verdict | null): Promise<Answer> => {
    const parts = SignedLink.read(pepper, "raise", token)
    if (parts === null) return { status: 404, code: "link_invalid", page: raisePage.invalid() }
    const { organization, subject: id } = parts
    const now = await Due.now(db, organization)
    if (now === undefined) return { status: 404, code: "link_invalid", page: raisePage.invalid() }
    if (verdict !== null) {
      const exit = await runPromiseExit(Effect.result(decideByLink(organization, id, verdict, now)))
      if (!Exit.isSuccess(exit)) return { status: 500, code: "internal_error", page: raisePage.failed() }
      const decided = exit.value
      // What was settled otherwise is told by the page.
      if (Result.isSuccess(decided) || decided.failure._tag === "NotAdmissible")
        return { status: 303, code: "ok", page: "", seeOther: `${root}/${token}` }
      if (decided.failure._tag !== "NotFound")
        return { status: 503, code: "temporarily_unavailable", page: raisePage.failed() }
    }
    const seen = await RaiseView.get(db, linked(organization, id, now), id, now)
    if (Result.isFailure(seen)) return { status: 404, code: "link_invalid", page: raisePage.invalid() }
    const raise = seen.success
    const client = await Clients.find(db, { organization, reach: null }, raise.client)
    const shown = { raise, client: client?.name ?? "The client", zone: client?.timeZone ?? "UTC" }
    if (raise.status === "pending")
      return { status: 200, code: "ok", page: raisePage.pending(shown, `${root}/${token}`) }
    const status = raise.status === "expired" ? 410 : 200
    // Long after, the link says no more than that its time is over.
    return parts.expiresAt <= now
      ? { status: 410, code: "link_expired", page: raisePage.expired() }
      : { status, code: "ok", page: raisePage.settled(shown, raise.status) }
  }

  const serve = async (c: Asked, verdict: Verdict | null): Promise<Response> => {
    const visit = Visit.begin(c.req.raw.headers)
    const { status, code, page, seeOther } = await answerOf(c.req.param("token") ?? "", verdict).catch(
      (defect: unknown): Answer => {
        log.defect(visit.requestId, "links.raise", defect)
        return { status: 500, code: "internal_error", page: raisePage.failed() }
      }
    )
    metrics.count("links.raise", code, performance.now() - visit.began)
    Visit.end(log, visit, "links.raise", code, status)
    const all = { ...headers, "x-request-id": visit.requestId }
    return seeOther === undefined
      ? c.body(page, status as ContentfulStatusCode, all)
      : c.body(null, 303, { ...all, location: seeOther })
  }

  app.get(`${root}/:token`, (c) => serve(c, null))
  app.post(`${root}/:token/approve`, (c) => serve(c, "Approve"))
  app.post(`${root}/:token/decline`, (c) => serve(c, "Decline"))
}
