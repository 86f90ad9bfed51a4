/** Lists of 100 000 clients over REST, one request after another, against system.health of the same process. */
import { withApi } from "./Api.ts"
import { withArena } from "./Arena.ts"
import { type Crowd, plant } from "./Crowd.ts"
import { cut, type Line, median, quantile } from "./Report.ts"

const count = 100_000
const times = 25
/** Milliseconds at the median. */
const targets = { list: 20, state: 5 }

const shapes = ({ parent, subscribed }: Crowd): Readonly<Record<string, string>> => ({
  list: "/v1/clients",
  "page with total": "/v1/clients?page=3",
  "sorted by name": "/v1/clients?sorting=name",
  "sorted by two keys": "/v1/clients?sorting=-name&sorting=createdAt",
  "search, rare": "/v1/clients?query=juniper jewels 99999",
  "search, common": "/v1/clients?query=amber",
  "search, none": "/v1/clients?query=nobody",
  "search, two letters, common": "/v1/clients?query=am",
  "search, two letters, none": "/v1/clients?query=qx",
  "by status": "/v1/clients?status=suspended",
  "by standing": "/v1/clients?effectiveStatus=active",
  "by subscription": "/v1/clients?subscriptionStatus=active",
  "by plan": "/v1/clients?plan=pro",
  "by cause of suspension": "/v1/clients?suspendedBy=operator",
  "by metadata, rare": "/v1/clients?metadata[account]=4242",
  "by metadata, common": "/v1/clients?metadata[tier]=gold&metadata[tier]=pro",
  "by e-mail address": "/v1/clients?email=billing@client4242.example",
  "by external id": "/v1/clients?externalId=crm-4242",
  "by parent": `/v1/clients?parent=${parent}`,
  state: `/v1/clients/${subscribed}/state`
})

export const clients = (): Promise<ReadonlyArray<Line>> =>
  withArena(async (arena) => {
    const crowd = await plant(arena, count)
    return withApi(arena, crowd.organization, ["clients:read"], async ({ url, token }) => {
      const ask = async (path: string): Promise<unknown> => {
        const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
        if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
        return response.json()
      }
      const { nextCursor } = (await ask("/v1/clients")) as { readonly nextCursor: string }
      const paths = { ...shapes(crowd), "second page by cursor": `/v1/clients?cursor=${nextCursor}` }
      const lines: Array<Line> = []
      for (const [shape, path] of Object.entries(paths)) {
        const [taken, health] = await timed(
          () => ask(path),
          () => ask("/health")
        )
        const target = shape === "state" ? targets.state : targets.list
        const [value, floor] = [median(taken), median(health)]
        lines.push({
          bench: "clients",
          shape: `${shape}; floor: system.health`,
          unit: "ms",
          value: cut(value, 2),
          floor: cut(floor, 2),
          ratio: cut(value / floor, 1),
          target,
          met: value < target,
          p50: cut(value, 2),
          p95: cut(quantile(taken, 0.95), 2),
          p99: cut(quantile(taken, 0.99), 2)
        })
      }
      return lines
    })
  })

type Work = () => Promise<unknown>

/** Both in turn, in milliseconds, sorted; they warm up before. */
const timed = async (work: Work, floor: Work) => {
  const taken: Array<number> = []
  const floors: Array<number> = []
  for (let n = -10; n < times; n++)
    for (const [ask, kept] of [
      [work, taken],
      [floor, floors]
    ] as const) {
      const began = performance.now()
      await ask()
      if (n >= 0) kept.push(performance.now() - began)
    }
  const inOrder = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)
  return [inOrder(taken), inOrder(floors)] as const
}
