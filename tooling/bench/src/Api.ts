/** The API as a process of its own, as it is started in earnest, with a token for one organization. */
import { type ChildProcess, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
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

export const withApi = async <A>(
  arena: Arena,
  organization: string,
  scopes: ReadonlyArray<string>,
  use: (api: Api) => Promise<A>
): Promise<A> => {
  const secret = randomBytes(32).toString("hex")
  const token = await tokenOf(arena, organization, scopes, secret)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const process = launch(arena.url, secret, port)
  const ended = once(process, "exit")
  try {
    await answers(url, process)
    return await use({ url, token, process })
  } finally {
    process.kill("SIGTERM")
    await ended
  }
}

const tokenOf = async (
  { url }: Arena,
  organization: string,
  scopes: ReadonlyArray<string>,
  secret: string
): Promise<string> => {
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

const launch = (databaseUrl: string, secret: string, port: number): ChildProcess => {
  const main = fileURLToPath(import.meta.resolve("../../../apps/api/src/main.ts"))
  const environment = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    CAPSTAN_SECRET: secret,
    PORT: `${port}`,
    HOST: "127.0.0.1"
  }
  return spawn(process.execPath, [main], { env: environment, stdio: ["ignore", "ignore", "inherit"] })
}

const answers = async (url: string, api: ChildProcess): Promise<void> => {
  for (let tries = 0; tries < 200; tries++) {
    if (api.exitCode !== null || api.signalCode !== null) throw new Error("The API did not start")
    const health = await fetch(`${url}/health`).catch(() => undefined)
    if (health?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error("The API did not answer in 20 seconds")
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}
