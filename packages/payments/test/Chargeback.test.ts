import { applyNotice, consumeCredits, refundOrder, runDue, updateBilling } from "@capstan/billing"
import type { Currency, Money } from "@capstan/domain"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Sandbox } from "../src/index.ts"
import * as Notices from "../src/sandbox/Notices.ts"
import { database, payer, pool, refusal, run, start, world } from "./World.ts"
import { buy, charged, credit, events, isWell, left, orders, pack, walletOf } from "./Selling.ts"

const minor = (amount: bigint) => amount as Money.Minor
const usd = (amount: bigint): Money.Money => ({ amount: minor(amount), currency: "USD" as Currency.Currency })

const bought = async (chargebackPolicy: "block" | "forgive" | "owe") => {
  const scene = await world({ settings: { chargebackPolicy } })
  const { client } = await payer(scene, "sandbox_succeed")
  await pack(scene.caller())
  const { order, payment } = await run(buy(scene.caller(), client))
  const spend = { amount: 30n * credit, feature: null, member: null, meter: null, allowPartial: false }
  await run(consumeCredits(scene.caller(), { client, ...spend, effectiveAt: null }))
  const charge = payment.state.reference ?? ""
  const chargeBack = async (amount: bigint | null) =>
    Sandbox.chargeBack(await database(), scene.connection, charge, amount === null ? null : minor(amount))
  const tell = ({ headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string }) =>
    run(
      applyNotice(scene.caller({ key: null }), {
        connection: scene.connection.id,
        headers: new Headers(headers),
        body
      })
    )
  return { ...scene, client, order: order.id, id: scene.organization.id, chargeBack, tell }
}

describe("a chargeback", () => {
  it("takes the credits back once, however often it is told; what is spent is owed, forgiven, or blocks", async () => {
    for (const [policy, owed, causes] of [
      ["owe", 30n, []],
      ["forgive", 0n, []],
      ["block", 30n, ["system"]]
    ] as const) {
      const { caller, chargeBack, client, id, tell } = await bought(policy)
      const notice = await chargeBack(null)
      const told = await Promise.all([tell(notice), tell(notice), tell(notice)])
      assert.deepStrictEqual(told.toSorted(), ["applied", "known", "known"])
      assert.strictEqual(await tell(notice), "known")
      const { debt, lots } = await walletOf(id, client)
      assert.deepStrictEqual([debt, lots.length], [owed * credit, 0])
      assert.deepStrictEqual(await orders(id), ["purchase refunded 1000: succeeded"])
      const { rows } = await pool.query("select suspensions from client where organization_id = $1 and id = $2", [
        id,
        client
      ])
      assert.deepStrictEqual(
        rows[0].suspensions.map(({ cause }: { readonly cause: string }) => cause),
        causes
      )
      assert.strictEqual((await events(id, "payment.charged_back")).length, 1)
      // Bought anew, the debt is paid first.
      await run(buy(caller(), client))
      assert.strictEqual(await left(id, client), 100n - owed)
      await isWell(id)
    }
  })

  it("in parts, told late and out of order, takes the parts once; a refund before it counts", async () => {
    const { caller, chargeBack, client, id, order, tell } = await bought("owe")
    await run(refundOrder(caller(), { order, amount: usd(200n), policy: "owe" }))
    const [first, second] = [await chargeBack(300n), await chargeBack(300n)]
    assert.strictEqual(await tell(second), "applied")
    assert.strictEqual(await tell(first), "known")
    assert.deepStrictEqual(await orders(id), ["purchase partially_refunded 1000: succeeded"])
    assert.deepStrictEqual(await charged(id), { charges: 1, amount: 1_000n, back: 800n })
    // A hundred came, thirty were spent, eighty went back.
    const { debt, lots } = await walletOf(id, client)
    assert.deepStrictEqual([debt, lots.length], [10n * credit, 0])
    assert.deepInclude(await refusal(refundOrder(caller(), { order, amount: usd(201n), policy: "owe" })), {
      reason: "not_refundable"
    })
    await isWell(id)
  })

  it("waits until it is known what came of a refund under way", async () => {
    const scene = await world()
    const { caller, connection, organization } = scene
    const { client } = await payer(scene, "sandbox_timeout_after_charging_then_succeed")
    await pack(caller())
    const buying = caller()
    await refusal(buy(buying, client))
    const { order, payment } = await run(buy(buying, client))
    const input = { order: order.id, amount: usd(600n), policy: "owe" } as const
    assert.deepInclude(await refusal(refundOrder(caller(), input)), { _tag: "OutcomeUnknown" })
    // A bank may take back more than is left of a charge.
    const { headers, body } = Notices.chargedBack(
      connection.secret,
      payment.state.reference ?? "",
      minor(1_000n),
      new Date()
    )
    const tell = () =>
      run(applyNotice(caller({ key: null }), { connection: connection.id, headers: new Headers(headers), body }))
    assert.strictEqual(await tell(), "early")
    await run(runDue(organization.id, start + 60_000))
    assert.deepStrictEqual(await orders(organization.id), ["purchase partially_refunded 1000: succeeded"])
    assert.strictEqual(await tell(), "applied")
    assert.deepStrictEqual(await orders(organization.id), ["purchase refunded 1000: succeeded"])
    assert.strictEqual(await left(organization.id, client), 0n)
  })

  it("takes from the wallet that the credits went to, also while that sleeps", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client: agency } = await payer(scene, "sandbox_succeed")
    const { client: shop } = await payer(scene, "sandbox_succeed", { parent: agency })
    const kiosk = await Client.create(pool, organization, { parent: shop, usesParentBalance: true })
    await pack(caller())
    const { payment, order } = await run(buy(caller(), kiosk))
    const spend = { amount: 30n * credit, feature: null, member: null, meter: null, allowPartial: false }
    await run(consumeCredits(caller(), { client: kiosk, ...spend, effectiveAt: null }))
    await run(buy(caller(), agency))
    await run(updateBilling(caller(), { client: shop, usesParentBalance: true }))
    const { headers, body } = await Sandbox.chargeBack(
      await database(),
      scene.connection,
      payment.state.reference ?? "",
      minor(900n)
    )
    const heard = { connection: scene.connection.id, headers: new Headers(headers), body }
    assert.strictEqual(await run(applyNotice(caller(), heard)), "applied")
    const { debt, lots } = await walletOf(organization.id, shop)
    assert.deepStrictEqual([debt, lots.length], [20n * credit, 0])
    assert.strictEqual(await left(organization.id, agency), 100n)
    assert.deepInclude(await run(refundOrder(caller(), { order: order.id, amount: null, policy: "owe" })), {
      owed: 10n * credit
    })
    await isWell(organization.id)
  })

  it("that is not signed, or of another connection, or told too early, changes nothing", async () => {
    const { chargeBack, connection, id, tell } = await bought("owe")
    const notice = await chargeBack(null)
    const others = await bought("owe")
    assert.strictEqual(await tell({ ...notice, body: notice.body.replace("1000", "999") }), "unsigned")
    assert.strictEqual(await others.tell(notice), "unsigned")
    const heard = { connection: connection.id, headers: new Headers(notice.headers), body: notice.body }
    assert.strictEqual(await run(applyNotice(others.caller(), heard)), "unsigned")
    assert.deepStrictEqual(await orders(id), ["purchase paid 1000: succeeded"])
    await pool.query(
      "update payment set status = 'unknown', reference = null, due_at = now() where organization_id = $1",
      [id]
    )
    assert.strictEqual(await tell(notice), "early")
    assert.strictEqual((await events(id, "payment.charged_back")).length, 0)
  })
})
