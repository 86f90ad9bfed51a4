/** Clients at work: they spend, hold and capture at random, each request repeated under its key until its fate is known. */
import { Result } from "effect"
import { v7 } from "uuid"
import type * as Trees from "../../src/Trees.ts"
import { capture, check, debit, lease, release, reserve, settle } from "./Requests.ts"

export interface Plan {
  readonly organization: string
  readonly clients: ReadonlyArray<string>
  readonly spenders: number
  /** By the machine's clock. */
  readonly startsAt: number
  readonly endsAt: number
  /** What their clock shows at the start; it runs this many times as fast. */
  readonly now: number
  readonly speed: number
}

/** The keys of all successes. */
export const spend = async (gate: Trees.Doors, plan: Plan): Promise<ReadonlyArray<string>> => {
  const { organization, clients, spenders, startsAt, endsAt, speed } = plan
  const keys: Array<string> = []
  const upTo = (most: number): number => Math.floor(Math.random() * most)
  const work = async () => {
    const holds: Array<string> = []
    const leases: Array<string> = []
    while (Date.now() < endsAt) {
      const now = plan.now + Math.round((Date.now() - startsAt) * speed)
      const key = v7()
      const caller = { organization, reach: null, actor: "spender", scopes: new Set<string>(), now, key, ifMatch: null }
      const client = clients[upTo(clients.length)] ?? ""
      const amount = BigInt(upTo(2_000_000) + 1)
      const die = upTo(100)
      if (die < 10) {
        await gate.post(caller, check(client, amount))
        continue
      }
      const leased = die < 25 ? leases.shift() : undefined
      const hold = die < 35 && leased === undefined ? holds.shift() : undefined
      const lasts = (upTo(10_000) + 2_000) * speed
      const request =
        leased !== undefined
          ? settle(leased, amount / 2n)
          : hold !== undefined
            ? die < 20
              ? release(hold)
              : capture(hold, die < 28 ? null : amount)
            : die < 55
              ? (die < 45 ? reserve : lease)(client, amount, lasts)
              : debit(client, amount, { allowPartial: die < 60 })
      for (;;) {
        const answer = await gate.post(caller, request)
        if (Result.isSuccess(answer)) {
          keys.push(key)
          if (request._tag === "Reserve")
            (request.atEnd === "capture" ? leases : holds).push(answer.success.entry.hold ?? "")
          break
        }
        if (answer.failure._tag !== "Unavailable" && answer.failure._tag !== "OutcomeUnknown") break
      }
    }
  }
  await Promise.all(Array.from({ length: spenders }, work))
  return keys
}
