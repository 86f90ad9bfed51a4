/**
 * The typed client: every procedure of the contract, as a function.
 *
 * A command that can have an idempotency key and was given none gets one, and keeps it through every retry.
 */
import { procedures, type Router } from "@capstan/contract"
import { createTRPCClient, httpBatchLink, httpLink, type TRPCClient, type TRPCLink } from "@trpc/client"
import * as Retry from "./Retry.ts"

export interface Options {
  /** Where the api is, such as `https://billing.example.com`. */
  readonly url: string
  readonly token: string
  readonly fetch?: Retry.Fetch
  readonly retry?: Partial<Retry.Policy>
  /** Send what is asked for at once as one request. */
  readonly batch?: boolean
}

export type Client = TRPCClient<Router>

export const connect = ({ url, token, fetch = globalThis.fetch, retry, batch = false }: Options): Client => {
  const retrying = Retry.retrying(fetch, { ...Retry.standard, ...retry })
  const http = (batch ? httpBatchLink<Router> : httpLink<Router>)({
    url: `${url.replace(/\/+$/, "")}/trpc`,
    headers: { authorization: `Bearer ${token}` },
    fetch: (input, init) => retrying(input, { ...init, signal: init?.signal ?? null })
  })
  return createTRPCClient<Router>({ links: [withKey, http] })
}

const keyed = new Set(procedures.flatMap(([path, { idempotency }]) => (idempotency === "none" ? [] : [path])))

const withKey: TRPCLink<Router> =
  () =>
  ({ op, next }) =>
    next(keyed.has(op.path) && !hasField(op.input, "idempotencyKey") ? { ...op, input: keyGiven(op.input) } : op)

const keyGiven = (input: unknown): unknown => ({ ...Object(input), idempotencyKey: crypto.randomUUID() })

const hasField = (input: unknown, name: string): boolean =>
  typeof input === "object" && input !== null && Reflect.get(input, name) !== undefined
