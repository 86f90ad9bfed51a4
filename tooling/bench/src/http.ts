/** credits.consume over HTTP against system.health of the same process, over tRPC and over REST, by 64 connections. */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { createAccessToken } from "@capstan/billing"
import { AccessTokens, Database, Trees } from "@capstan/store"
import autocannon from "autocannon"
import { Effect, Layer } from "effect"
import { type Arena, plant, withArena } from "./Arena.ts"
import { cut, type Line, median } from "./Report.ts"

const connections = 64
const rounds = 3
const seconds = 5
const port = 4417
const url = `http://127.0.0.1:${port}`

export const http = (): Promise<ReadonlyArray<Line>> =>
  withArena(async (arena) => {
    const { organization, spenders } = await plant(arena, { roots: 1_000, middlesPerRoot: 0, leavesPerMiddle: 0, capped: false })
    const secret = randomBytes(32).toString("hex")
    const token = await tokenOf(arena, organization, secret)
    const api = await started(arena.url, secret)
    try {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
      let keys = 0
      const spender = () => spenders[keys++ % spenders.length] ?? ""
      const rest: autocannon.Request = {
        method: "POST",
        setupRequest: (request) => ({
          ...request,
          path: `/v1/clients/${spender()}/credits/consume`,
          headers: { ...headers, "idempotency-key": `rest-${keys}` },
          body: `{"amount":"0.005"}`
        })
      }
      const trpc: autocannon.Request = {
        method: "POST",
        path: "/trpc/credits.consume",
        setupRequest: (request) => {
          const client = spender()
          return { ...request, headers, body: JSON.stringify({ client, amount: "0.005", idempotencyKey: `trpc-${keys}` }) }
        }
      }
      // Both warm up before they are measured.
      const pairs = [
        { shape: "REST", consume: rest, health: { path: "/health" } },
        { shape: "tRPC", consume: trpc, health: { path: "/trpc/system.health" } }
      ]
      const lines: Array<Line> = []
      for (const { shape, consume, health } of pairs) {
        await load(health, 2)
        await load(consume, 2)
        const figures: Array<Figures> = []
        const floors: Array<number> = []
        for (let round = 0; round < rounds; round++) {
          floors.push((await load(health, seconds)).rate)
          figures.push(await load(consume, seconds))
        }
        const value = median(figures.map(({ rate }) => rate))
        const floor = median(floors)
        lines.push({
          bench: "http",
          shape: `credits.consume over ${shape}; floor: system.health`,
          unit: "requests/s",
          value: cut(value),
          floor: cut(floor),
          ratio: cut(value / floor, 2),
          p50: median(figures.map(({ p50 }) => p50)),
          p99: median(figures.map(({ p99 }) => p99))
        })
      }
      return lines
    } finally {
      api.kill("SIGTERM")
      await once(api, "exit")
    }
  })

interface Figures {
  readonly rate: number
  readonly p50: number
  readonly p99: number
}

const load = async (request: autocannon.Request, duration: number): Promise<Figures> => {
  const { requests, latency, non2xx, errors } = await autocannon({ url, connections, duration, requests: [request] })
  if (non2xx + errors > 0) throw new Error(`${non2xx} answers were no success, ${errors} requests failed`)
  return { rate: requests.average, p50: latency.p50, p99: latency.p99 }
}

const tokenOf = async ({ url }: Arena, organization: string, secret: string): Promise<string> => {
  const scopes = ["credits:write"]
  const caller = { organization, reach: null, actor: "bench", scopes: new Set(scopes), now: Date.now(), key: null, ifMatch: null }
  const input = { name: "bench", scopes, client: null, perSecond: 1_000_000, expiresAt: null }
  const services = Trees.Trees.layer(url).pipe(Layer.provideMerge(Database.Database.layer(url, { max: 2 })))
  const created = createAccessToken(caller, input, AccessTokens.pepper(secret)).pipe(Effect.provide(services))
  return (await Effect.runPromise(created)).text
}

const started = async (databaseUrl: string, secret: string) => {
  const main = fileURLToPath(import.meta.resolve("../../../apps/api/src/main.ts"))
  const environment = { ...process.env, DATABASE_URL: databaseUrl, CAPSTAN_SECRET: secret, PORT: `${port}`, HOST: "127.0.0.1" }
  const api = spawn(process.execPath, [main], { env: environment, stdio: ["ignore", "ignore", "inherit"] })
  for (let tries = 0; tries < 200; tries++) {
    if (api.exitCode !== null) throw new Error("The API did not start")
    const health = await fetch(`${url}/health`).catch(() => undefined)
    if (health?.ok) return api
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error("The API did not answer in 20 seconds")
}
