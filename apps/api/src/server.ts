/** The api, put together: one Hono application over one connection pool, and the port it listens on. */
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { createAdaptorServer } from "@hono/node-server"
import { api, procedures } from "@capstan/contract"
import { Payments } from "@capstan/payments"
import { AccessTokens, Admission, Database, Trees } from "@capstan/store"
import { Context, Layer, ManagedRuntime } from "effect"
import { Hono } from "hono"
import { cors } from "hono/cors"
import manifest from "../package.json" with { type: "json" }
import * as Call from "./Call.ts"
import * as docs from "./docs.ts"
import { handlers } from "./handlers/table.ts"
import * as hooks from "./hooks.ts"
import type { Handler } from "./Handlers.ts"
import * as invitationLinks from "./links/invitations.ts"
import * as raiseLinks from "./links/raises.ts"
import * as Log from "./Log.ts"
import * as Metrics from "./Metrics.ts"
import * as openapi from "./openapi.ts"
import * as Readiness from "./Readiness.ts"
import * as rest from "./rest.ts"
import * as seeds from "./seeds/mount.ts"
import * as trpc from "./trpc.ts"

export interface Options {
  readonly databaseUrl: string
  /** Under which the secrets of tokens are kept. */
  readonly secret: string
  readonly connections?: number
  /** Which sites may call from a browser: none unless said. */
  readonly origins?: ReadonlyArray<string>
  readonly log?: Log.Log
  readonly deadlineMs?: number
  /** Where the api is reached from outside, without a slash at the end. */
  readonly publicUrl?: string | null
}

interface Api {
  readonly fetch: (request: Request) => Promise<Response>
  readonly close: () => Promise<void>
}

/** Without a port. */
export const open = async ({
  databaseUrl,
  secret,
  connections = 10,
  origins = [],
  log = Log.silent,
  deadlineMs = 10_000,
  publicUrl = null
}: Options): Promise<Api> => {
  const runtime = ManagedRuntime.make(
    Trees.Trees.layer(databaseUrl, {}, (fault) => log.defect("none", "gate", fault)).pipe(
      Layer.merge(Payments.layer(secret)),
      Layer.provideMerge(Database.Database.layer(databaseUrl, { max: connections, name: "capstan api" }))
    )
  )
  const services = await runtime.context()
  const pepper = AccessTokens.pepper(secret)
  const admission = Admission.open(databaseUrl, { pepper })
  const { pool } = Context.get(services, Database.Database)
  const metrics = Metrics.open(Context.get(services, Trees.Trees).stats)
  const table = handlers({ pepper, publicUrl, probe: Readiness.probe(databaseUrl, pool) })
  const calls = procedures.map(([name, procedure]) =>
    Call.of(name, procedure, handlerOf(table, name), { services, log, deadlineMs })
  )

  const app = new Hono()
  if (origins.length > 0)
    app.use(
      "*",
      cors({
        origin: [...origins],
        allowHeaders: ["authorization", "content-type", "idempotency-key", "if-match", "x-api-key", "x-request-id"],
        exposeHeaders: [
          "etag",
          "ratelimit",
          "ratelimit-policy",
          "retry-after",
          "x-ratelimit-limit",
          "x-ratelimit-remaining",
          "x-ratelimit-reset",
          "x-request-id"
        ],
        maxAge: 600
      })
    )
  const answerTrpc = trpc.serve(api, calls, { admission, metrics, log })
  app.all(`${trpc.endpoint}/*`, (c) => answerTrpc(c.req.raw))
  rest.mount(app, calls, { admission, metrics, log })
  seeds.mount(app, { services, log, deadlineMs }, { admission, metrics, log })
  hooks.mount(app, { services, log, metrics })
  raiseLinks.mount(app, { services, pepper, log, metrics })
  invitationLinks.mount(app, { services, pepper, log, metrics })
  const document = JSON.stringify(openapi.document(api, manifest.version))
  app.get("/openapi.json", (c) => c.body(document, 200, { "content-type": "application/json; charset=utf-8" }))
  app.get("/metrics", (c) =>
    c.text(metrics.print(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
  )
  docs.mount(app)
  app.notFound((c) => rest.unrouted(c, log))
  app.onError((defect, c) => rest.broken(c, log, defect))

  return {
    fetch: async (request) => app.fetch(request),
    close: async () => {
      try {
        await admission.close()
        await runtime.dispose()
      } finally {
        await log.close()
      }
    }
  }
}

export interface Serving {
  readonly url: string
  /** Stops accepting, answers what has arrived, and closes. */
  readonly close: () => Promise<void>
}

export const serve = async (
  options: Options & { readonly port?: number; readonly host?: string }
): Promise<Serving> => {
  const { port = 0, host = "127.0.0.1" } = options
  const opened = await open(options)
  const server = createAdaptorServer({
    fetch: opened.fetch,
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 65_000 }
  }) as Server
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, host, resolve))
  } catch (error) {
    await opened.close()
    throw error
  }
  const { port: taken } = server.address() as AddressInfo
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${taken}`
  let closing: Promise<void> | null = null
  return { url, close: () => (closing ??= drain(server).then(opened.close)) }
}

/** How long requests may take to finish once no more are accepted. */
const patienceMs = 15_000

const drain = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const end = setTimeout(() => server.closeAllConnections(), patienceMs)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(end)
      resolve()
    })
  })

const handlerOf = (table: object, name: string): Handler<unknown, unknown> =>
  name.split(".").reduce<object>((node, key) => node[key as never], table) as unknown as Handler<unknown, unknown>
