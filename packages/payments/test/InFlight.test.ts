import { detachClient, moveClient, runDue, suspendClient, updateBilling } from "@capstan/billing"
import type { Caller } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { attempts, configure, give, spend, standing, work } from "./Recharging.ts"
import { buy, charged, isWell, left, orders, pack } from "./Selling.ts"
import { day, payer, pool, refusal, run, start, world } from "./World.ts"

interface Family {
  readonly by: Caller
  readonly parent: string
  readonly other: string
  readonly client: string
}

/** What may happen to a client while it is not known what came of its payments, and how its recharge stands a day later. */
const happenings: ReadonlyArray<readonly [what: string, happen: (family: Family) => Promise<unknown>]> = [
  ["is moved", ({ by, client, other }) => run(moveClient(by, { client, parent: other }))],
  ["is detached", ({ by, client }) => run(detachClient(by, { client }))],
  ["is suspended from above", ({ by, parent }) => run(suspendClient(by, { client: parent, reason: null, note: null }))],
  ["is put on its parent's balance", ({ by, client }) => run(updateBilling(by, { client, usesParentBalance: true }))],
  ["has its recharge switched off", ({ by, client }) => run(configure(by, client, { enabled: false }))]
]

describe("what is in flight while its client", () => {
  it.each(happenings)("%s comes down once, in the client's own wallet", async (what, happen) => {
    const scene = await world()
    const { organization, caller } = scene
    const [parent, other] = [await Client.create(pool, organization), await Client.create(pool, organization)]
    const { client } = await payer(scene, "sandbox_timeout_after_charging_then_succeed", { parent })
    await pack(caller())
    await give(caller(), client, 50)
    await run(configure(caller(), client))
    await run(spend(caller(), client, 45))
    await refusal(buy(caller(), client))
    await run(runDue(organization.id, start))
    assert.deepInclude(await standing(caller(), client), { phase: "in_flight" })
    await happen({ by: caller(), parent, other, client })
    await work(organization.id, start + day)
    assert.deepStrictEqual(await attempts(organization.id), ["1: 1000 succeeded"])
    assert.deepStrictEqual(await orders(organization.id), [
      "purchase paid 1000: succeeded",
      "auto_recharge paid 1000: succeeded"
    ])
    assert.strictEqual((await charged(organization.id)).charges, 2)
    for (const [id, credits] of [
      [client, 205n],
      [parent, 0n],
      [other, 0n]
    ] as const)
      assert.strictEqual(await left(organization.id, id), credits)
    const { phase } = await standing(caller({ now: start + day }), client)
    assert.strictEqual(phase, what.endsWith("off") ? "off" : "armed")
    await isWell(organization.id)
  })
})
