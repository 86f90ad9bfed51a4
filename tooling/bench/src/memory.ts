/** The memory of the API while it takes a million debits: its resident set, read from the kernel after every tenth. */
import { readFileSync } from "node:fs"
import { type Api, withApi } from "./Api.ts"
import { plant, withArena } from "./Arena.ts"
import { cut, type Line } from "./Report.ts"

const debits = 1_000_000
const perRequest = 500
const inFlight = 4
const samples = 10

export const memory = (): Promise<ReadonlyArray<Line>> =>
  withArena(async (arena) => {
    const { organization, spenders } = await plant(arena, {
      roots: 100,
      middlesPerRoot: 10,
      leavesPerMiddle: 10,
      capped: true
    })
    return withApi(arena, organization, ["credits:write"], async (api) => {
      const lines: Array<Line> = []
      let next = 0
      const send = async (until: number) => {
        while (next < until) {
          const from = next
          next += perRequest
          await consume(api, spenders, from)
        }
      }
      for (let sample = 1; sample <= samples; sample++) {
        const until = (debits / samples) * sample
        await Promise.all(Array.from({ length: inFlight }, () => send(until)))
        const value = residentMegabytes(api)
        const floor = lines[0]?.value ?? value
        const shape = `after ${until.toLocaleString("en")} debits; floor: after the first tenth`
        lines.push({
          bench: "memory",
          shape,
          unit: "MB",
          value,
          floor,
          ratio: cut(value / floor, 2),
          p50: null,
          p99: null
        })
      }
      return lines
    })
  })

const consume = async ({ url, token }: Api, spenders: ReadonlyArray<string>, from: number): Promise<void> => {
  const items = Array.from({ length: perRequest }, (_, i) => ({
    client: spenders[(from + i) % spenders.length],
    amount: "0.005",
    idempotencyKey: `memory-${from + i}`
  }))
  const answer = await fetch(`${url}/v1/credits/consume-many`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ items })
  })
  const { results } = (await answer.json()) as { readonly results?: ReadonlyArray<{ readonly outcome: string }> }
  const refused = results?.find(({ outcome }) => outcome !== "ok")
  if (results?.length !== perRequest || refused !== undefined)
    throw new Error(`Not all was taken: ${JSON.stringify(refused)}`)
}

const residentMegabytes = ({ process }: Api): number => {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, "utf8")) ?? []
  return cut(Number(kilobytes) / 1024)
}
