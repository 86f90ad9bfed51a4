import { fork } from "node:child_process"
import { once } from "node:events"
import { Database as TestDatabase } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { v7 } from "uuid"
import { afterAll } from "vitest"
import type * as Trees from "../../src/Trees.ts"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"
import { type Plan, spend } from "./Spenders.ts"

const { credit, day } = Arena
const duration = Number(process.env["CAPSTAN_SOAK_MS"] ?? 30_000)

// A database of its own, which counts its deadlocks, and looks for them before a wait for a lock is given up.
const clone = await TestDatabase.clone()
afterAll(clone.drop)
const arena = Arena.open(clone.url)
const { pathname } = new URL(clone.url)
await arena.pool.query(`alter database ${pathname.slice(1)} set deadlock_timeout = '20ms'`)

describe("two gates, a third in another process, and a worker on the same trees", () => {
  it(`for ${duration / 1_000} s: no deadlock, and every sum is exact`, { timeout: duration + 60_000 }, async () => {
    const [one, other, workers] = [arena.gate(), arena.gate(), arena.gate()]
    const tenant = await Arena.tenant(arena)
    const clients: Array<string> = []
    for (let tree = 0; tree < 12; tree++) {
      const root = await tenant.client()
      const leaves = [await tenant.client({ parent: root }), await tenant.client({ parent: root })]
      const borrower = await tenant.client({ parent: root, usesParentBalance: true })
      clients.push(root, ...leaves, borrower)
      await Arena.cap(one, tenant.caller(), root, { limit: 600n * credit, every: "lifetime", thresholds: [50] })
      for (const leaf of leaves) await Arena.cap(one, tenant.caller(), leaf, { limit: 40n * credit, every: "day" })
      for (const client of [root, ...leaves]) await Arena.grant(one, tenant.caller(), client, Arena.lot(500n * credit))
    }
    const startsAt = Date.now()
    // A day of theirs takes a third of the time.
    const speed = Math.ceil((3 * day) / duration)
    const plan: Plan = {
      organization: tenant.id,
      clients,
      spenders: 24,
      startsAt,
      endsAt: startsAt + duration,
      now: Arena.now,
      speed
    }
    const child = fork(new URL("rival.ts", import.meta.url), [arena.url, JSON.stringify(plan)], {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"]
    })
    const rival = once(child, "message").then(([keys]) => {
      child.disconnect()
      return keys as ReadonlyArray<string>
    })
    const [ours, theirs, childs, worked] = await Promise.all([
      spend(one, plan),
      spend(other, plan),
      Promise.race([rival, once(child, "exit").then(([code]) => assert.fail(`the other process ended with ${code}`))]),
      work(workers, tenant, plan)
    ])
    const keys = [...ours, ...theirs, ...childs]
    assert.isAbove(worked, 20)
    assert.isAbove(childs.length, 100)

    await audit(arena.pool, tenant.id)
    const { rows } = await arena.pool.query<{ key: string }>(
      "select key from entry where organization_id = $1 and namespace = 'caller' and kind <> 'Granted'",
      [tenant.id]
    )
    assert.deepStrictEqual(rows.map(({ key }) => key).sort(), keys.toSorted())
    for (const gate of [one, other, workers]) await gate.close()
    // Sessions tell of their deadlocks when they end, at the latest.
    await arena.pool.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity
       where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
    )
    const database = await arena.pool.query<{ deadlocks: bigint }>(
      "select deadlocks from pg_stat_database where datname = current_database()"
    )
    assert.strictEqual(database.rows[0]?.deadlocks, 0n)
  })
})

/** Renewals, expiries, grants, suspensions and lifts, over several trees at a time in no order. */
const work = async (gate: Trees.Doors, tenant: Arena.Tenant, plan: Plan): Promise<number> => {
  const { clients, startsAt, endsAt, speed } = plan
  const upTo = (most: number): number => Math.floor(Math.random() * most)
  let done = 0
  const loop = async () => {
    while (Date.now() < endsAt) {
      const caller = tenant.caller({ now: plan.now + Math.round((Date.now() - startsAt) * speed) })
      const at = caller.now
      const names = Array.from({ length: 4 }, () => clients[upTo(clients.length)] ?? "")
      const changed = await gate.change(caller, names, async (_, locked) => {
        for (const [i, client] of [...new Set(names)].entries()) {
          const lot = Arena.lot(BigInt(upTo(40) + 1) * credit, { expiresAt: at + upTo(day) + 1, kind: "included" })
          const key = { key: v7(), hash: null }
          const suspension = { cause: "operator", by: "worker", at, reason: null, note: null } as const
          const decided =
            i === 0
              ? locked.post(client, { _tag: "Renew", lot, rollover: null, at }, { ...key, namespace: "renewal" })
              : i === 1
                ? locked.post(client, { _tag: "Expire", at }, { ...key, namespace: "expiry" })
                : locked.decide(client, {
                    _tag: "ChangeLifecycle",
                    command:
                      upTo(3) === 0
                        ? { _tag: "Suspend", suspension }
                        : { _tag: "Lift", cause: "operator", by: "worker", at },
                    at
                  })
          // What is refused, such as the renewal of a client that is suspended, is left out.
          await decided
        }
        return Result.succeed(undefined)
      })
      if (Result.isSuccess(changed)) done++
      else assert.strictEqual(changed.failure._tag, "Unavailable")
      await Arena.pause(20)
    }
  }
  await Promise.all([loop(), loop()])
  return done
}
