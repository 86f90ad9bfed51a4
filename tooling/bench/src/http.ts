/** credits.consume over HTTP against system.health of the same process, over tRPC and over REST, by 64 connections. */
import autocannon from "autocannon"
import { withApi } from "./Api.ts"
import { plant, withArena } from "./Arena.ts"
import { cut, type Line, median } from "./Report.ts"

const connections = 64
const rounds = 3
const seconds = 5

export const http = (): Promise<ReadonlyArray<Line>> =>
  withArena(async (arena) => {
    const { organization, spenders } = await plant(arena, {
      roots: 1_000,
      middlesPerRoot: 0,
      leavesPerMiddle: 0,
      capped: false
    })
    return withApi(arena, organization, ["credits:write"], async ({ url, token }) => {
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
          return {
            ...request,
            headers,
            body: JSON.stringify({ client, amount: "0.005", idempotencyKey: `trpc-${keys}` })
          }
        }
      }
      // Both warm up before they are measured.
      const pairs = [
        { shape: "REST", consume: rest, health: { path: "/health" } },
        { shape: "tRPC", consume: trpc, health: { path: "/trpc/system.health" } }
      ]
      const lines: Array<Line> = []
      for (const { shape, consume, health } of pairs) {
        await load(url, health, 2)
        await load(url, consume, 2)
        const figures: Array<Figures> = []
        const floors: Array<number> = []
        for (let round = 0; round < rounds; round++) {
          floors.push((await load(url, health, seconds)).rate)
          figures.push(await load(url, consume, seconds))
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
    })
  })

interface Figures {
  readonly rate: number
  readonly p50: number
  readonly p99: number
}

const load = async (url: string, request: autocannon.Request, duration: number): Promise<Figures> => {
  const { requests, latency, non2xx, errors } = await autocannon({ url, connections, duration, requests: [request] })
  if (non2xx + errors > 0) throw new Error(`${non2xx} answers were no success, ${errors} requests failed`)
  return { rate: requests.average, p50: latency.p50, p99: latency.p99 }
}
