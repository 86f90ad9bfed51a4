import {
  adjustCredits,
  consumeCredits,
  grantCredits,
  refundOrder,
  reserveCredits,
  revokeGrant,
  runDue
} from "@capstan/billing"
import type { Currency, Money } from "@capstan/domain"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { payer, pool, refusal, run, start, world } from "./World.ts"
import { buy, charged, credit, events, isWell, left, orders, pack, walletOf } from "./Selling.ts"

const spend = (client: string, amount: bigint) => ({
  client,
  amount: amount * credit,
  feature: null,
  member: null,
  meter: null,
  allowPartial: false,
  effectiveAt: null
})

const minor = (amount: bigint) => amount as Money.Minor
const usd = (amount: bigint): Money.Money => ({ amount: minor(amount), currency: "USD" as Currency.Currency })

/** A hundred credits, bought for ten dollars. */
const bought = async (behaviour = "sandbox_succeed") => {
  const scene = await world()
  const { client } = await payer(scene, behaviour)
  await pack(scene.caller())
  const by = scene.caller()
  const { order } = await run(buy(by, client))
  return { ...scene, client, order: order.id, id: scene.organization.id }
}

describe("a refund", () => {
  it("takes back what is unspent, and of what was spent all is owed, or nothing", async () => {
    for (const policy of ["owe", "forgive"] as const) {
      const { caller, client, order, id } = await bought()
      await run(consumeCredits(caller(), spend(client, 30n)))
      const by = caller()
      const refund = await run(refundOrder(by, { order, amount: null, policy }))
      const [owed, forgiven] = policy === "owe" ? [30n, 0n] : [0n, 30n]
      assert.deepInclude(refund, {
        amount: minor(1_000n),
        credits: 100n * credit,
        taken: 70n * credit,
        owed: owed * credit,
        forgiven: forgiven * credit
      })
      const { debt, lots } = await walletOf(id, client)
      assert.deepStrictEqual([debt, lots.length], [owed * credit, 0])
      assert.deepStrictEqual(await orders(id), ["purchase refunded 1000: succeeded"])
      assert.deepStrictEqual(await charged(id), { charges: 1, amount: 1_000n, back: 1_000n })
      assert.deepStrictEqual(await run(refundOrder(by, { order, amount: null, policy })), refund)
      assert.deepInclude(await refusal(refundOrder(by, { order, amount: usd(1n), policy })), { _tag: "KeyReused" })
      assert.deepInclude(await refusal(refundOrder(caller(), { order, amount: null, policy })), {
        reason: "not_refundable"
      })
      // What is owed, the next credits pay.
      await run(buy(caller(), client))
      assert.strictEqual(await left(id, client), 100n - owed)
      await isWell(id)
    }
  })

  it("in parts takes the credits in parts, and all of them with the last", async () => {
    const { caller, client, order, id } = await bought()
    await run(consumeCredits(caller(), spend(client, 10n)))
    for (const [amount, taken, owed] of [
      [333n, 33_300_000n, 0n],
      [333n, 33_300_000n, 0n],
      [334n, 23_400_000n, 10n * credit]
    ] as const)
      assert.deepInclude(await run(refundOrder(caller(), { order, amount: usd(amount), policy: "owe" })), {
        taken,
        owed
      })
    assert.deepStrictEqual(await orders(id), ["purchase refunded 1000: succeeded"])
    assert.strictEqual((await walletOf(id, client)).debt, 10n * credit)
    await isWell(id)
  })

  it("is not given by whoever is refunded", async () => {
    const { caller, client, order, id } = await bought()
    const input = { order, amount: null, policy: "forgive" } as const
    assert.deepInclude(await refusal(refundOrder(caller({ reach: client }), input)), { reason: "set_from_above" })
    assert.strictEqual((await charged(id)).back, 0n)
  })

  it("asked for twice at once gives back no more than was charged", async () => {
    const { caller, order, id } = await bought()
    const asked = await Promise.allSettled(
      Array.from({ length: 4 }, () => run(refundOrder(caller(), { order, amount: usd(400n), policy: "owe" })))
    )
    assert.strictEqual(asked.filter(({ status }) => status === "fulfilled").length, 2)
    assert.strictEqual((await charged(id)).back, 800n)
    await isWell(id)
  })

  it("that was not answered is found out: by a retry, or by the worker, and made once", async () => {
    for (const when of ["after", "before"])
      for (const by of ["retry", "worker"]) {
        const scene = await world()
        const id = scene.organization.id
        const { client } = await payer(scene, `sandbox_timeout_${when}_charging_then_succeed`)
        await pack(scene.caller())
        const buying = scene.caller()
        await refusal(buy(buying, client))
        const { order } = await run(buy(buying, client))
        const asked = scene.caller()
        const input = { order: order.id, amount: usd(500n), policy: "owe" } as const
        assert.deepInclude(await refusal(refundOrder(asked, input)), { _tag: "OutcomeUnknown" })
        assert.strictEqual(await left(id, client), 100n)
        await isWell(id)
        if (by === "retry") await run(refundOrder(asked, input))
        else assert.strictEqual((await run(runDue(id, start + 60_000))).refund, 1)
        assert.strictEqual(await left(id, client), 50n)
        assert.deepInclude(await charged(id), { charges: 1, back: 500n })
        assert.deepStrictEqual(await orders(id), ["purchase partially_refunded 1000: succeeded"])
        assert.strictEqual((await events(id, "payment.refund_unknown")).length, 1)
        await isWell(id)
      }
  })

  it("counts what holds pin as spent, and what has lapsed as gone", async () => {
    const { caller, client, order, id } = await bought()
    const hold = { amount: 60n * credit, feature: null, member: null, meter: null, allowPartial: false }
    await run(reserveCredits(caller(), { client, ...hold, expiresIn: 3_600_000 }))
    assert.deepInclude(await run(refundOrder(caller(), { order, amount: null, policy: "owe" })), {
      taken: 40n * credit,
      owed: 60n * credit
    })
    await run(runDue(id, start + 7_200_000))
    const { debt, lots } = await walletOf(id, client)
    assert.deepStrictEqual([debt, lots.map((lot) => lot.left)], [60n * credit, [60n * credit]])
    await isWell(id)

    const ended = await world()
    const { client: other } = await payer(ended, "sandbox_succeed")
    await pack(ended.caller(), { lasts: { unit: "day", count: 1 } })
    const { order: lapsing } = await run(buy(ended.caller(), other))
    await run(consumeCredits(ended.caller(), spend(other, 25n)))
    const now = start + 2 * 86_400_000
    await run(runDue(ended.organization.id, now))
    const half = { order: lapsing.id, amount: usd(500n), policy: "owe" } as const
    const first = await run(refundOrder(ended.caller({ now }), half))
    assert.deepInclude(first, { taken: 0n, owed: 0n, forgiven: 50n * credit })
    const second = await run(refundOrder(ended.caller({ now }), half))
    assert.deepInclude(second, { taken: 0n, owed: 25n * credit, forgiven: 25n * credit })
    await isWell(ended.organization.id)
  })

  it("of what was not paid, or is another's, is refused", async () => {
    const scene = await world()
    const { caller } = scene
    const { client } = await payer(scene, "sandbox_decline_funds")
    await pack(caller())
    await refusal(buy(caller(), client))
    const { rows } = await pool.query("select id from billing_order where organization_id = $1", [
      scene.organization.id
    ])
    const input = { order: rows[0].id as string, amount: null, policy: "owe" } as const
    assert.deepInclude(await refusal(refundOrder(caller(), input)), { reason: "order_not_paid" })
    const reach = await Client.create(pool, scene.organization)
    assert.deepInclude(await refusal(refundOrder(caller({ reach }), input)), { _tag: "NotFound", what: "order" })
    assert.deepInclude(await refusal(refundOrder((await world()).caller(), input)), { _tag: "NotFound", what: "order" })
  })
})

const grant = (client: string) => ({
  client,
  kind: "promo" as const,
  amount: 50n * credit,
  effectiveAt: null,
  expiresAt: null,
  priority: 0,
  unitCost: null,
  source: "gift",
  features: null
})

describe("a grant that is revoked", () => {
  it("gives up what is unspent of it, and no more of it than was granted, once for a key", async () => {
    const scene = await world()
    const { caller, organization } = scene
    const client = await Client.create(pool, organization)
    const { entry } = await run(grantCredits(caller(), grant(client)))
    await run(consumeCredits(caller(), spend(client, 20n)))
    const input = { entry: { payer: entry.payer, seq: entry.seq }, amount: 10n * credit, spent: "forgive" as const }
    const by = caller()
    const revoked = await run(revokeGrant(by, { ...input, reason: "a mistake" }))
    assert.deepStrictEqual((await run(revokeGrant(by, { ...input, reason: "a mistake" }))).entry, revoked.entry)
    assert.strictEqual(await left(organization.id, client), 20n)
    const rest = await run(revokeGrant(caller(), { ...input, amount: null, spent: "owe", reason: null }))
    assert.deepInclude(rest.entry.event, { _tag: "Revoked", amount: 40n * credit, owed: 20n * credit })
    assert.deepInclude(await refusal(revokeGrant(caller(), { ...input, reason: null })), { _tag: "NotReversible" })
    assert.strictEqual((await walletOf(organization.id, client)).debt, 20n * credit)
    assert.deepInclude((await events(organization.id, "credits.revoked"))[0], { reason: "a mistake" })
    assert.deepInclude(await refusal(revokeGrant(caller({ reach: client }), { ...input, reason: null })), {
      reason: "set_from_above"
    })
    await isWell(organization.id)
  })

  it("before its order is refunded leaves the refund what is left of it", async () => {
    const { caller, client, order, id } = await bought()
    const { rows } = await pool.query(
      "select seq from entry where organization_id = $1 and namespace = 'order' and client_id = $2",
      [id, client]
    )
    const entry = { payer: client, seq: Number(rows[0].seq) }
    await run(revokeGrant(caller(), { entry, amount: 40n * credit, spent: "forgive", reason: null }))
    assert.deepInclude(await run(refundOrder(caller(), { order, amount: null, policy: "owe" })), {
      credits: 60n * credit,
      taken: 60n * credit,
      owed: 0n
    })
    await isWell(id)
  })
})

describe("an adjustment", () => {
  it("goes up as promo credits, and down out of the lots in burn order, all of it or nothing", async () => {
    const { caller, client, id } = await bought()
    await run(adjustCredits(caller(), { client, amount: 10n * credit, reason: "goodwill" }))
    const by = caller()
    const down = await run(adjustCredits(by, { client, amount: -30n * credit, reason: "counted twice" }))
    assert.deepStrictEqual(
      down.entry.event._tag === "Revoked" && down.entry.event.lots.map(({ amount }) => amount / credit),
      [10n, 20n]
    )
    assert.isTrue((await run(adjustCredits(by, { client, amount: -30n * credit, reason: "counted twice" }))).replayed)
    assert.strictEqual(await left(id, client), 80n)
    assert.deepInclude(await refusal(adjustCredits(caller(), { client, amount: -81n * credit, reason: "all" })), {
      _tag: "InsufficientCredits",
      missing: credit
    })
    assert.deepStrictEqual(
      (await events(id, "credits.adjusted")).map(({ reason }) => reason),
      ["goodwill", "counted twice"]
    )
    await isWell(id)
  })
})
