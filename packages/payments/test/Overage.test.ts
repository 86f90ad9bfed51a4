import { consumeCredits, createSubscription, publishPlan, runDue, suspendClient } from "@capstan/billing"
import { type Currency, Money, type Plan, Rate } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { payer, pool, run, start, world } from "./World.ts"
import { charged, credit, isWell, orders, walletOf } from "./Selling.ts"

const month = { unit: "month", count: 1 } as const

const plan = (caller: Caller, terms: Partial<Plan.Terms> = {}) =>
  run(
    publishPlan(caller, {
      key: "metered",
      name: "Metered",
      price: Money.Minor.make(0n),
      terms: {
        currency: "USD" as Currency.Currency,
        interval: month,
        creditInterval: month,
        credits: 10n * credit,
        creditValue: Rate.zero,
        rollover: null,
        overage: Rate.parse("7.15"),
        unlimited: false,
        trial: null,
        promoAllowance: null,
        seats: 1,
        ...terms
      }
    })
  )

const spend = (caller: Caller, client: string, amount: bigint) =>
  run(
    consumeCredits(caller, {
      client,
      amount,
      feature: null,
      member: null,
      meter: null,
      allowPartial: false,
      effectiveAt: null
    })
  )

const metered = async (behaviour = "sandbox_succeed") => {
  const scene = await world()
  const { client } = await payer(scene, behaviour)
  await plan(scene.caller())
  await run(createSubscription(scene.caller(), { client, plan: "metered", seats: undefined, trial: undefined }))
  return { ...scene, client, id: scene.organization.id }
}

const april = Date.UTC(2026, 3, 1)
const may = Date.UTC(2026, 4, 1)

describe("overage", () => {
  it("is invoiced once when its period ends, in one line that is rounded once, and starts anew", async () => {
    const { caller, client, id } = await metered()
    await spend(caller(), client, 17n * credit)
    await spend(caller({ now: start + 1_000 }), client, 3n * credit)
    assert.deepInclude((await walletOf(id, client)).overage, { used: 10n * credit, cost: 71_500_000n })
    await Promise.all([1, 2, 3].map(() => run(runDue(id, april))))
    await run(runDue(id, april + 60_000))
    // 71.5 is rounded to the even 72.
    assert.deepStrictEqual(await orders(id), ["overage paid 72: succeeded"])
    assert.deepInclude(await charged(id), { charges: 1, amount: 72n })
    const { rows } = await pool.query(
      "select description, credits::text, unit_price, amount::text from order_line where organization_id = $1",
      [id]
    )
    assert.deepStrictEqual(rows, [{ description: "Overage", credits: "10000000", unit_price: "7.15", amount: "72" }])
    assert.deepInclude((await walletOf(id, client)).overage, { used: 0n, cost: 0n })
    await spend(caller({ now: april + 120_000 }), client, 30n * credit)
    await run(runDue(id, may + 60_000))
    assert.deepStrictEqual(await orders(id), ["overage paid 72: succeeded", "overage paid 143: succeeded"])
    await isWell(id)
  })

  it("that there is none of is not invoiced", async () => {
    const { caller, client, id } = await metered()
    await spend(caller(), client, 10n * credit)
    await run(runDue(id, may))
    assert.deepStrictEqual(await orders(id), [])
    await isWell(id)
  })

  it("waits as an order where nobody can be charged, and stands where it comes to nothing", async () => {
    const scene = await world()
    const client = await Client.create(pool, scene.organization)
    await plan(scene.caller())
    await run(createSubscription(scene.caller(), { client, plan: "metered", seats: undefined, trial: undefined }))
    const { id } = scene.organization
    await spend(scene.caller(), client, 10n * credit + 10_000n)
    await run(runDue(id, april))
    assert.deepStrictEqual(await orders(id), [])
    assert.strictEqual((await walletOf(id, client)).overage.used, 10_000n)
    await spend(scene.caller({ now: april }), client, 20n * credit)
    await run(runDue(id, may))
    assert.deepStrictEqual(await orders(id), ["overage pending 72: "])
    await isWell(id)
  })

  it("of a client that is suspended meanwhile is ordered, and not charged", async () => {
    const { caller, client, id } = await metered()
    await spend(caller(), client, 30n * credit)
    await run(suspendClient(caller(), { client, reason: null, note: null }))
    await run(runDue(id, april))
    assert.deepStrictEqual(await orders(id), ["overage pending 143: "])
    assert.deepInclude(await charged(id), { charges: 0 })
    await isWell(id)
  })

  it("of a child is its parent's, with the parent's period", async () => {
    const { caller, client: parent, id, organization } = await metered()
    const child = await Client.create(pool, organization, { parent, usesParentBalance: true })
    await plan(caller(), { credits: 0n })
    await run(createSubscription(caller(), { client: child, plan: "metered", seats: undefined, trial: undefined }))
    await spend(caller(), child, 30n * credit)
    await run(runDue(id, april))
    assert.deepStrictEqual(await orders(id), ["overage paid 143: succeeded"])
    assert.deepInclude((await walletOf(id, parent)).overage, { used: 0n })
    await isWell(id)
  })
})
