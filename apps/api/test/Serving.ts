/** The api over real HTTP for tests: one server, and requests on either transport. */
import { randomBytes, randomUUID } from "node:crypto"
import { procedures, Scope } from "@capstan/contract"
import { AccessTokens } from "@capstan/store"
import { Database, Organization } from "@capstan/testing"
import { afterAll } from "vitest"
import * as Route from "../src/Route.ts"
import { type Options, serve } from "../src/server.ts"

export const secret = randomBytes(32).toString("hex")
const pepper = AccessTokens.pepper(secret)

export const pool = Database.pool()
afterAll(() => pool.end())

export const start = async (options: Partial<Options> = {}) => {
  const serving = await serve({ databaseUrl: Database.url, secret, ...options })
  afterAll(serving.close)
  return serving
}

export interface Terms {
  readonly scopes?: ReadonlyArray<string>
  readonly reach?: string
  readonly perSecond?: number
  readonly expiresAt?: Date
  readonly revokedAt?: Date
}

export interface Token extends AccessTokens.Parts {
  readonly text: string
}

export const tokenOf = async (
  organization: string,
  { scopes = Scope.all, reach, perSecond = 100_000, expiresAt, revokedAt }: Terms = {}
): Promise<Token> => {
  const parts = AccessTokens.mint(organization)
  await pool.query(
    `insert into access_token
       (organization_id, id, name, secret_hash, scopes, reach, per_second, created_by, created_at, expires_at, revoked_at)
     values ($1, $2, 'Test', $3, $4, $5, $6, 'test', now(), $7, $8)`,
    [
      organization,
      parts.id,
      AccessTokens.hash(pepper, parts.secret),
      scopes,
      reach ?? null,
      perSecond,
      expiresAt ?? null,
      revokedAt ?? null
    ]
  )
  return { ...parts, text: AccessTokens.print(parts) }
}

/** An organization with a token that may do everything. */
export const organization = async () => {
  const { id } = await Organization.create(pool)
  return { id, token: (await tokenOf(id)).text }
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}
/** What came over the wire, to be looked into. */
type Json = Readonly<Record<string, unknown>>

export interface Sent {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

const bearer = ({ token, headers }: Sent): Record<string, string> => ({
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  ...headers
})

const answerOf = async (response: Response): Promise<Answer> => ({
  status: response.status,
  headers: response.headers,
  body: /json/.test(response.headers.get("content-type") ?? "")
    ? ((await response.json()) as Json)
    : { text: await response.text() }
})

export interface Input extends Readonly<Record<string, unknown>> {
  readonly idempotencyKey?: string | undefined
  readonly ifMatch?: string | undefined
}

/** Sends the input of a procedure over REST: into the path, the query string, the headers and the body. */
export const overRest = async (url: string, name: string, input: Input, sent: Sent = {}) => {
  const [, procedure] = procedures.find(([path]) => path === name) ?? []
  if (procedure === undefined) throw new Error(`There is no ${name}`)
  const [verb, path] = Route.of(procedure)
  const { idempotencyKey, ifMatch, ...rest } = input
  const fields = new Map(Object.entries(rest))
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = fields.get(field)
    fields.delete(field)
    return encodeURIComponent(String(value))
  })
  const headers = {
    ...bearer(sent),
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    ...(ifMatch === undefined ? {} : { "if-match": ifMatch })
  }
  if (Route.hasBody(verb))
    return answerOf(
      await fetch(`${url}${filled}`, {
        method: verb,
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(Object.fromEntries(fields))
      })
    )
  const query = new URLSearchParams([...fields].map(([field, value]): [string, string] => [field, String(value)]))
  return answerOf(await fetch(`${url}${filled}?${query.toString()}`, { method: verb, headers }))
}

/** The same over tRPC. The answer is unwrapped from its envelope. */
export const overTrpc = async (url: string, name: string, input: unknown, sent: Sent = {}): Promise<Answer> => {
  const [, procedure] = procedures.find(([path]) => path === name) ?? []
  const response =
    procedure?.kind === "mutation"
      ? await fetch(`${url}/trpc/${name}`, {
          method: "POST",
          headers: { "content-type": "application/json", ...bearer(sent) },
          body: JSON.stringify(input)
        })
      : await fetch(`${url}/trpc/${name}?input=${encodeURIComponent(JSON.stringify(input))}`, { headers: bearer(sent) })
  const { status, headers, body } = await answerOf(response)
  const { result, error } = body as { readonly [K in "error" | "result"]?: { readonly data: Json } }
  return { status, headers, body: (result ?? error)?.data ?? body }
}

export const transports = [
  ["REST", overRest],
  ["tRPC", overTrpc]
] as const

export const anId = randomUUID
