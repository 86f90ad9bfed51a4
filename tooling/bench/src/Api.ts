/** The API as a process of its own, as it is started in earnest, with a token for one organization. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { createAccessToken } from "@capstan/billing"
import { AccessTokens, Database, Trees } from "@capstan/store"
import { Effect, Layer } from "effect"
import type { Arena } from "./Arena.ts"

export interface Api {
  readonly url: string
  readonly token: string
  readonly process: ChildProcess
}

const port = 4417
const url = `http://127.0.0.1:${port}`

export const withApi = async <A>(arena: Arena, organization: string, use: (api: Api) => Promise<A>): Promise<A> => {
  const secret = randomBytes(32).toString("hex")
  const token = await tokenOf(arena, organization, secret)
  const process = await started(arena.url, secret)
  try {
    return await use({ url, token, process })
  } finally {
    process.kill("SIGTERM")
    await once(process, "exit")
  }
}

const tokenOf = async ({ url }: Arena, organization: string, secret: string): Promise<string> => {
  const scopes = ["credits:write"]
  const caller = {
    organization,
    reach: null,
    actor: "bench",
    scopes: new Set(scopes),
    now: Date.now(),
    key: null,
    ifMatch: null
  }
  const input = { name: "bench", scopes, client: null, perSecond: 1_000_000, expiresAt: null }
  const services = Trees.Trees.layer(url).pipe(Layer.provideMerge(Database.Database.layer(url, { max: 2 })))
  const created = createAccessToken(caller, input, AccessTokens.pepper(secret)).pipe(Effect.provide(services))
  return (await Effect.runPromise(created)).text
}

const started = async (databaseUrl: string, secret: string) => {
  const main = fileURLToPath(import.meta.resolve("../../../apps/api/src/main.ts"))
  const environment = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    CAPSTAN_SECRET: secret,
    PORT: `${port}`,
    HOST: "127.0.0.1"
  }
  const api = spawn(process.execPath, [main], { env: environment, stdio: ["ignore", "ignore", "inherit"] })
  for (let tries = 0; tries < 200; tries++) {
    if (api.exitCode !== null) throw new Error("The API did not start")
    const health = await fetch(`${url}/health`).catch(() => undefined)
    if (health?.ok) return api
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error("The API did not answer in 20 seconds")
}
