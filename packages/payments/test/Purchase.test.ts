import {
  adjustCredits,
  archiveCreditPack,
  drivePayment,
  grantCredits,
  PaymentGateway,
  runDue,
  updateBilling
} from "@capstan/billing"
import type { CreditPack, Currency } from "@capstan/domain"
import { Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { Sandbox } from "../src/index.ts"
import { attempt, database, day, payer, payments, pool, refusal, run, start, world } from "./World.ts"
import { buy, charged, credit, events, isWell, left, orders, pack, patience, walletOf } from "./Selling.ts"

const outcomeOf = async (effect: Parameters<typeof refusal>[0]) => {
  const refused = await refusal(effect)
  return refused._tag === "NotAdmissible" ? [refused.reason, refused.field] : [refused._tag]
}

const gift = (client: string, priority: number) => ({
  client,
  kind: "promo" as const,
  amount: credit,
  effectiveAt: null,
  expiresAt: null,
  priority,
  unitCost: null,
  source: "gift",
  features: null
})

describe("a purchase", () => {
  it("is an order, a charge and a grant, each once for a key", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const by = caller()
    const { client } = await payer(scene, "sandbox_succeed")
    const { id } = await pack(by)
    const bought = await run(buy(by, client, { quantity: 3 }))
    assert.deepInclude(bought.entry, { payer: client, client, namespace: "order", key: bought.order.id })
    assert.strictEqual(bought.order.lines[0]?.pack, id)
    assert.deepStrictEqual(await run(buy({ ...by, now: start + 5_000 }, client, { quantity: 3 })), bought)
    assert.deepStrictEqual(await charged(organization.id), { charges: 1, amount: 3_000n, back: 0n })
    assert.strictEqual(await left(organization.id, client), 300n)
    const [lot] = (await walletOf(organization.id, client)).lots
    assert.deepInclude(lot, { kind: "extra", expiresAt: null, unitCost: { numerator: 10n, denominator: 1n } })
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 3000: succeeded"])
    assert.deepStrictEqual(await outcomeOf(buy(by, client)), ["KeyReused"])
    await isWell(organization.id)
  })

  it("by many at once with one key is one, and with keys of their own each its own", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const by = caller()
    const { client } = await payer(scene, "sandbox_slow_5")
    await pack(by)
    const same = await Promise.all(Array.from({ length: 6 }, () => attempt(buy(by, client))))
    assert.isTrue(same.some(Result.isSuccess))
    assert.strictEqual((await charged(organization.id)).charges, 1)
    await Promise.all(Array.from({ length: 4 }, () => run(buy(caller(), client))))
    assert.strictEqual((await charged(organization.id)).charges, 5)
    assert.strictEqual(await left(organization.id, client), 500n)
    await isWell(organization.id)
  })

  it("that is declined says why, and under its key is tried anew on the same order", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const by = caller()
    const { client, method } = await payer(scene, "sandbox_decline_funds_2_then_succeed")
    await pack(by)
    assert.deepInclude(await refusal(buy(by, client)), { _tag: "PaymentFailed", reason: "funds" })
    const { rows } = await pool.query("select inactive, failed_code from payment_method where id = $1", [method])
    assert.deepStrictEqual(rows, [{ inactive: true, failed_code: "insufficient_funds" }])
    assert.deepInclude(await refusal(buy(by, client)), { _tag: "PaymentFailed" })
    const bought = await run(buy(by, client))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: declined, declined, succeeded"])
    assert.strictEqual(bought.entry.amount, 100n * credit)
    const { rows: after } = await pool.query("select inactive, failed_code from payment_method where id = $1", [method])
    assert.deepStrictEqual(after, [{ inactive: false, failed_code: null }])
    assert.strictEqual((await events(organization.id, "payment.declined")).length, 2)
    await isWell(organization.id)
  })

  it("whose charge was not answered is found out: by a retry, or by the worker, and charged once", async () => {
    for (const [behaviour, charges] of [
      ["sandbox_timeout_after_charging_then_succeed", 1],
      ["sandbox_timeout_before_charging_then_succeed", 1]
    ] as const)
      for (const by of ["retry", "worker"] as const) {
        const scene = await world()
        const { organization, caller } = scene
        const asked = caller()
        const { client } = await payer(scene, behaviour)
        await pack(asked)
        assert.deepInclude(await refusal(buy(asked, client)), { _tag: "OutcomeUnknown" })
        assert.deepStrictEqual(await orders(organization.id), ["purchase pending 1000: unknown"])
        assert.strictEqual(await left(organization.id, client), 0n)
        await isWell(organization.id)
        if (by === "retry") await run(buy({ ...asked, now: start + 1_000 }, client))
        else assert.strictEqual((await run(runDue(organization.id, start + 60_000))).payment, 1)
        assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
        assert.strictEqual(await left(organization.id, client), 100n)
        assert.strictEqual((await charged(organization.id)).charges, charges)
        assert.strictEqual((await events(organization.id, "payment.unknown")).length, 1)
        await isWell(organization.id)
      }
  })

  it("that another is at is neither charged beside it nor called undone", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const asked = caller()
    const { client } = await payer(scene, "sandbox_timeout_before_charging_then_succeed")
    await pack(asked)
    await refusal(buy(asked, client))
    const other = await pool.connect()
    try {
      await other.query("begin")
      await other.query("select 1 from payment where organization_id = $1 for update", [organization.id])
      assert.deepInclude(await refusal(buy({ ...asked, now: start + 1_000 }, client)), { _tag: "OutcomeUnknown" })
      assert.strictEqual((await run(runDue(organization.id, start + 60_000))).payment, 0)
    } finally {
      await other.query("rollback")
      other.release()
    }
    assert.deepStrictEqual(await charged(organization.id), { charges: 0, amount: 0n, back: 0n })
    assert.strictEqual((await run(buy({ ...asked, now: start + 120_000 }, client))).entry.client, client)
    assert.strictEqual((await charged(organization.id)).charges, 1)
    await isWell(organization.id)
  })

  it("that is never answered stays unknown, is asked for at growing pauses, and is told of once", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_timeout_before_charging")
    await pack(caller())
    await refusal(buy(caller(), client))
    const done = await run(runDue(organization.id, start + 600_000))
    assert.isTrue(done.payment > 3 && done.payment < 12)
    assert.strictEqual((await events(organization.id, "payment.unknown")).length, 1)
    assert.deepStrictEqual(await orders(organization.id), ["purchase pending 1000: unknown"])
    assert.deepStrictEqual(await charged(organization.id), { charges: 0, amount: 0n, back: 0n })
    await isWell(organization.id)
  })

  it("that is never answered is no trouble to a clock that is set ahead by years", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_timeout_before_charging")
    await pack(caller())
    await refusal(buy(caller(), client))
    const done = await run(runDue(organization.id, start + 3_650 * day))
    assert.isBelow(done.payment, 300)
    assert.isFalse(done.more)
    assert.deepStrictEqual(await orders(organization.id), ["purchase pending 1000: unknown"])
  })

  it("whose order has become void meanwhile is declined here, and never charged", async () => {
    for (const tries of [0, 1]) {
      const scene = await world()
      const { organization, caller } = scene
      const { client } = await payer(scene, "sandbox_timeout_before_charging_then_succeed")
      await pack(caller())
      await refusal(buy(caller(), client))
      await pool.query("update payment set status = $2, tries = $3 where organization_id = $1", [
        organization.id,
        tries === 0 ? "created" : "unknown",
        tries
      ])
      await pool.query("update billing_order set status = 'void' where organization_id = $1", [organization.id])
      await run(runDue(organization.id, start + 60_000))
      assert.deepStrictEqual(await orders(organization.id), ["purchase void 1000: declined"])
      assert.deepStrictEqual(await charged(organization.id), { charges: 0, amount: 0n, back: 0n })
      const [declined] = await events(organization.id, "payment.declined")
      assert.deepInclude(declined, { code: "order_void", inactive: false })
      const { rows } = await pool.query("select failed_code from payment_method where organization_id = $1", [
        organization.id
      ])
      assert.deepStrictEqual(rows, [{ failed_code: null }])
      await isWell(organization.id)
    }
  })

  it("that was placed and then forgotten in a crash is paid by the worker, and by two at once once", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_succeed")
    await pack(caller())
    await run(buy(caller(), client))
    // As if the process had died between the claim and the answer.
    await pool.query(
      `update payment set status = 'sent', tries = 1, settled_at = null, reference = null, due_at = $2
       where organization_id = $1`,
      [organization.id, new Date(start + patience)]
    )
    await pool.query("update billing_order set status = 'pending', paid_at = null where organization_id = $1", [
      organization.id
    ])
    const done = await Promise.all(Array.from({ length: 3 }, () => run(runDue(organization.id, start + 60_000))))
    assert.isTrue(done.every(({ more }) => !more))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
    assert.strictEqual(await left(organization.id, client), 100n)
    assert.strictEqual((await charged(organization.id)).charges, 1)
    await isWell(organization.id)
  })

  it("that needs something done at the provider's says where, and is paid once it was done", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const by = caller()
    const { client } = await payer(scene, "sandbox_decline_authentication")
    await pack(by)
    const refused = await refusal(buy(by, client))
    if (refused._tag !== "PaymentActionRequired") assert.fail(refused._tag)
    const charge = refused.url.split("/").at(-1) ?? ""
    assert.deepStrictEqual(await refusal(buy({ ...by, now: start + 1_000 }, client)), refused)
    await Sandbox.confirm(await database(), organization.id, charge)
    await run(runDue(organization.id, start + 600_000))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
    assert.strictEqual(await left(organization.id, client), 100n)
    await isWell(organization.id)
  })

  it("whose credits the wallet would not take any more stays to be settled, and is once it does", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_timeout_after_charging_then_succeed")
    await pack(caller())
    await refusal(buy(caller(), client))
    for (let priority = 0; priority < 64; priority++) await run(grantCredits(caller(), gift(client, priority)))
    await run(runDue(organization.id, start + 60_000))
    assert.deepStrictEqual(await orders(organization.id), ["purchase pending 1000: unknown"])
    assert.strictEqual((await charged(organization.id)).charges, 1)
    await isWell(organization.id)
    await run(runDue(organization.id, start + 3_600_000))
    const told = await events(organization.id, "payment.not_settled")
    assert.deepStrictEqual(
      told.map(({ reason }) => reason),
      ["TooManyLots"]
    )
    await run(adjustCredits(caller({ now: start + 3_601_000 }), { client, amount: -credit, reason: "room" }))
    await run(runDue(organization.id, start + 7_200_000))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
    assert.strictEqual(await left(organization.id, client), 163n)
    assert.strictEqual((await events(organization.id, "payment.unknown")).length, 1)
    await isWell(organization.id)
  })

  it("under a key that another client has used is refused, also at the same moment", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const buyers = await Promise.all([1, 2, 3].map(() => payer(scene, "sandbox_succeed")))
    await pack(caller())
    const by = caller()
    const done = await Promise.all(buyers.map(({ client }) => attempt(buy(by, client))))
    assert.strictEqual(done.filter(Result.isSuccess).length, 1)
    for (const result of done) if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "KeyReused")
    assert.strictEqual((await charged(organization.id)).charges, 1)
    await isWell(organization.id)
  })

  it("for a client on its parent's balance is paid by the parent, whose wallet has the credits", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client: parent } = await payer(scene, "sandbox_succeed")
    const child = await Client.create(pool, organization, { parent, usesParentBalance: true })
    await pack(caller())
    const { entry, order } = await run(buy(caller(), child))
    assert.deepStrictEqual([entry.payer, order.client], [parent, parent])
    assert.strictEqual(await left(organization.id, parent), 100n)
    assert.deepStrictEqual(await outcomeOf(buy(caller({ reach: child }), child)), ["set_from_above", undefined])
    await isWell(organization.id)
  })

  it("that was declined is not charged to whoever pays for the client by then", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client: parent } = await payer(scene, "sandbox_decline_funds")
    const { client: child } = await payer(scene, "sandbox_succeed", { parent, usesParentBalance: true })
    await pack(caller())
    const by = caller()
    assert.deepStrictEqual(await outcomeOf(buy(by, child)), ["PaymentFailed"])
    await run(updateBilling(caller(), { client: child, usesParentBalance: false }))
    assert.deepStrictEqual(await outcomeOf(buy(by, child)), ["KeyReused"])
    assert.strictEqual((await charged(organization.id)).charges, 0)
    await isWell(organization.id)
  })

  it("that was declined is not charged anew where the wallet would not take its credits any more", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const by = caller()
    const { client } = await payer(scene, "sandbox_decline_funds_1_then_succeed")
    await pack(by)
    assert.deepStrictEqual(await outcomeOf(buy(by, client)), ["PaymentFailed"])
    for (let priority = 0; priority < 64; priority++) await run(grantCredits(caller(), gift(client, priority)))
    assert.deepStrictEqual(await outcomeOf(buy(by, client)), ["TooManyLots"])
    assert.strictEqual((await charged(organization.id)).charges, 0)
    await isWell(organization.id)
  })

  it("gives its credits to whoever paid, also where that one draws on another balance by then", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client: parent } = await payer(scene, "sandbox_succeed")
    const { client } = await payer(scene, "sandbox_timeout_after_charging_then_succeed", { parent })
    await pack(caller())
    await refusal(buy(caller(), client))
    await run(updateBilling(caller(), { client, usesParentBalance: true }))
    await run(runDue(organization.id, start + 60_000))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
    assert.deepStrictEqual([await left(organization.id, client), await left(organization.id, parent)], [100n, 0n])
    await isWell(organization.id)
  })

  it("that was charged is found to be so, also where the provider has raised its least charge since", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_timeout_after_charging_then_succeed")
    await pack(caller())
    await refusal(buy(caller(), client))
    const { gateways, ...service } = await payments()
    const sandbox = gateways["sandbox"]
    if (sandbox === undefined) assert.fail("There is no sandbox")
    const dearer = { sandbox: { ...sandbox, minimum: () => 5_000n as CreditPack.Draft["price"] } }
    const due = runDue(organization.id, start + 60_000)
    await run(Effect.provideService(due, PaymentGateway.PaymentGateway, { ...service, gateways: dearer }))
    assert.deepStrictEqual(await orders(organization.id), ["purchase paid 1000: succeeded"])
    await isWell(organization.id)
  })

  it("is refused before anything is charged where it cannot be", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_succeed")
    const poor = await Client.create(pool, organization)
    const { method: others } = await payer(scene, "sandbox_succeed")
    await pack(caller())
    await pack(caller(), { key: "tiny", price: 1n as CreditPack.Draft["price"] })
    await pack(caller(), { key: "foreign", currency: "CHF" as Currency.Currency })
    await pack(caller(), { key: "old" })
    await run(archiveCreditPack(caller(), { product: "old" }))
    const refusals = [
      [buy(caller(), poor), ["payment_method_required", "paymentMethod"]],
      [buy(caller(), client, { method: others }), ["NotFound"]],
      [buy(caller(), client, { pack: "none" }), ["NotFound"]],
      [buy(caller(), client, { pack: "tiny" }), ["below_provider_minimum", "quantity"]],
      [buy(caller(), client, { pack: "foreign" }), ["no_price_in_currency", "pack"]],
      [buy(caller(), client, { pack: "old" }), ["credit_pack_archived", "pack"]],
      [buy(caller({ key: null }), client), ["KeyMissing"]],
      [buy(caller(), Ids.mint()), ["NotFound"]]
    ] as const
    for (const [effect, expected] of refusals) assert.deepStrictEqual(await outcomeOf(effect), [...expected])
    assert.deepStrictEqual(await orders(organization.id), [])
  })

  it("of a pack that lasts ends by the calendar of its client", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_succeed")
    await pack(caller(), { lasts: { unit: "month", count: 1 } })
    await run(buy(caller(), client))
    const [lot] = (await walletOf(organization.id, client)).lots
    assert.strictEqual(lot?.expiresAt, Date.UTC(2026, 3, 1))
  })

  it("that is settled already is left as it is by whoever comes later", async () => {
    const scene = await world()
    const { organization, caller } = scene
    const { client } = await payer(scene, "sandbox_succeed")
    await pack(caller())
    const { payment } = await run(buy(caller(), client))
    const again = await run(drivePayment(caller(), payment.id))
    assert.deepStrictEqual(again.state, payment.state)
    assert.strictEqual(await left(organization.id, client), 100n)
  })
})
