/**
 * Invitations, accepted by their signed links: into a client, or to run the organization. To look changes nothing; the
 * button accepts, and leads back to the page, which says what has become of it.
 */
import type { KeyObject } from "node:crypto"
import { acceptInvitation, acceptOperator, linked, type Refused, SignedLink, Words } from "@capstan/billing"
import { Wire } from "@capstan/contract"
import { Clients, Database, Due, Invitations, Members, Operators, Organizations } from "@capstan/store"
import { Context, Effect, Exit, Result, Schema } from "effect"
import type { Context as Asked, Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { Services } from "../Handlers.ts"
import type { Log } from "../Log.ts"
import type { Metrics } from "../Metrics.ts"
import { problemOf } from "../problemOf.ts"
import * as Visit from "../Visit.ts"
import * as page from "./invitationPage.ts"
import { headers } from "./Page.ts"

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

type Db = Database.Connection["db"]
type Parts = SignedLink.Parts & { readonly now: number }

interface Kind {
  readonly purpose: "invitation" | "operator"
  readonly shown: (db: Db, parts: Parts) => Promise<page.Shown | null>
  readonly accept: (parts: Parts, name: string | null) => Effect.Effect<unknown, Refused, Services>
}

const intoClient: Kind = {
  purpose: "invitation",
  shown: async (db, { organization, subject, now }) => {
    const invitation = await Invitations.find(db, organization, subject)
    const client =
      invitation === undefined ? undefined : await Clients.find(db, { organization, reach: null }, invitation.client)
    if (invitation === undefined || client === undefined) return null
    const { email, name, role, expiresAt, member } = invitation
    const isGone = member !== null && (await Members.find(db, organization, member)) === undefined
    const status = isGone ? "removed" : Invitations.isExpired(invitation, now) ? "expired" : invitation.status
    const seller = Words.seller(await Organizations.get(db, organization))
    const known = { email, name, role: role.toLowerCase(), expiresAt, zone: client.timeZone }
    return { what: client.name, seller, ...known, status }
  },
  accept: ({ organization, subject, now }, name) =>
    acceptInvitation(linked(organization, subject, now), { invitation: subject, name })
}

const toRun: Kind = {
  purpose: "operator",
  shown: async (db, { organization, subject, now }) => {
    const operator = await Operators.find(db, organization, subject)
    if (operator === undefined) return null
    const { email, name, role, expiresAt } = operator
    const own = await Organizations.get(db, organization)
    const status = operator.status === "active" ? "accepted" : expiresAt <= now ? "expired" : "pending"
    const known = { email, name, role: role.toLowerCase(), expiresAt, zone: own.timeZone }
    return { what: `the people who run the billing of ${own.name}`, seller: null, ...known, status }
  },
  accept: ({ organization, subject, now }, name) => acceptOperator(linked(organization, subject, now), subject, name)
}

const nowhere: Answer = { status: 404, code: "link_invalid", page: page.invalid() }

export const mount = (app: Hono, needs: Needs): void => {
  for (const kind of [intoClient, toRun]) mountOne(app, needs, kind)
}

const mountOne = (app: Hono, { services, pepper, log, metrics }: Needs, { purpose, shown, accept }: Kind): void => {
  const { db } = Context.get(services, Database.Database)
  const runPromiseExit = Effect.runPromiseExitWith(services)
  const root = SignedLink.roots[purpose]

  const answerOf = async (token: string, accepted: { readonly name: string | null } | null): Promise<Answer> => {
    const read = SignedLink.read(pepper, purpose, token)
    const now = read === null ? undefined : await Due.now(db, read.organization)
    if (read === null || now === undefined) return nowhere
    if (read.expiresAt <= now) return { status: 410, code: "link_expired", page: page.expired() }
    const [parts, path] = [{ ...read, now }, `${root}/${token}`]
    const before = await shown(db, parts)
    if (before === null) return nowhere
    if (accepted === null || before.status !== "pending") {
      if (accepted !== null) return { status: 303, code: "ok", page: "", seeOther: path }
      if (before.status === "pending") return { status: 200, code: "ok", page: page.pending(before, path) }
      const status = before.status === "accepted" ? 200 : 410
      return { status, code: "ok", page: page.settled(before, before.status) }
    }
    const exit = await runPromiseExit(Effect.result(accept(parts, accepted.name)))
    if (!Exit.isSuccess(exit)) return { status: 500, code: "internal_error", page: page.failed() }
    if (Result.isSuccess(exit.value)) return { status: 303, code: "ok", page: "", seeOther: path }
    const { code, message } = problemOf(exit.value.failure)
    return code === "not_admissible"
      ? { status: 422, code, page: page.refused(message, path) }
      : { status: 503, code, page: page.failed() }
  }

  const serve = async (c: Asked, isAccepted: boolean): Promise<Response> => {
    const visit = Visit.begin(c.req.raw.headers)
    const name = isAccepted ? await nameIn(c.req.raw) : null
    const answer = await answerOf(c.req.param("token") ?? "", isAccepted ? { name } : null).catch(
      (defect: unknown): Answer => {
        log.defect(visit.requestId, `links.${purpose}`, defect)
        return { status: 500, code: "internal_error", page: page.failed() }
      }
    )
    metrics.count(`links.${purpose}`, answer.code, performance.now() - visit.began)
    Visit.end(log, visit, `links.${purpose}`, answer.code, answer.status)
    const all = { ...headers, "x-request-id": visit.requestId }
    return answer.seeOther === undefined
      ? c.body(answer.page, answer.status as ContentfulStatusCode, all)
      : c.body(null, 303, { ...all, location: answer.seeOther })
  }

  app.get(`${root}/:token`, (c) => serve(c, false))
  app.post(`${root}/:token/accept`, (c) => serve(c, true))
}

/** Longer than any form of ours. */
const most = 4_096
const isName = Schema.is(Wire.line(1, 200))

/** What the form's only field says; null where it says nothing that can be a name. */
const nameIn = async (request: Request): Promise<string | null> => {
  const length = request.headers.get("content-length")
  if (length === null || Number(length) > most) return null
  const name = new URLSearchParams(await request.text()).get("name")?.trim() ?? ""
  return isName(name) ? name : null
}
