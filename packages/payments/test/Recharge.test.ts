import {
  applyNotice,
  archiveCreditPack,
  completeOnboarding,
  createSubscription,
  getClient,
  grantCredits,
  publishPlan,
  reactivateClient,
  rearmRecharge,
  refundOrder,
  runDue,
  setCap,
  suspendClient
} from "@capstan/billing"
import { type Currency, type Money, type Plan, Rate, type SpendingCap } from "@capstan/domain"
import { type Caller, Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Sandbox } from "../src/index.ts"
import { announce, attempts, configure, give, hold, setting, spend, standing, work } from "./Recharging.ts"
import { ailments, charged, credit, events, isWell, left, orders, pack } from "./Selling.ts"
import { attempt, database, day, payer, pool, refusal, run, start, world } from "./World.ts"

const second = 1_000
const usd = "USD" as Currency.Currency
const minor = (amount: bigint) => amount as Money.Minor
const money = (amount: bigint) => ({ amount: minor(amount), currency: usd })

const outcomeOf = async (effect: Parameters<typeof refusal>[0]) => {
  const refused = await refusal(effect)
  return refused._tag === "NotAdmissible" ? [refused.reason, refused.field] : [refused._tag]
}

/** A client with credits, that recharges. */
const scene = async (behaviour = "sandbox_succeed", over: Partial<typeof setting> = {}, credits = 50) => {
  const made = await world()
  const { organization, caller } = made
  const by = caller()
  const paying = await payer(made, behaviour)
  await pack(by)
  await give(by, paying.client, credits)
  await run(configure(by, paying.client, over))
  await work(organization.id, start)
  return { ...made, ...paying, by, organization: organization.id, at: (now: number): Caller => caller({ now }) }
}

const cap = (limit: bigint, over: Partial<{ readonly every: SpendingCap.Every }> = {}) => ({
  name: "default",
  limit: { amount: minor(limit), currency: usd },
  every: "day" as const,
  scope: "extra" as const,
  enforcement: "hard" as const,
  thresholds: [],
  ...over
})

const plan: Plan.Terms = {
  currency: usd,
  interval: { unit: "month", count: 1 },
  creditInterval: { unit: "month", count: 1 },
  credits: 100n * credit,
  creditValue: Rate.zero,
  rollover: null,
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: null,
  seats: 1
}

describe("auto-recharge", () => {
  it("says what is wrong with how it is set, and where", async () => {
    const made = await world({
      settings: { rechargeThresholdRange: { min: "5", max: "500" }, rechargeAmountRange: { min: "1", max: "500" } }
    })
    const by = made.caller()
    const { client, method } = await payer(made, "sandbox_succeed")
    const wrong = (over: Partial<typeof setting>) => outcomeOf(configure(by, client, over))
    assert.deepStrictEqual(await wrong({}), ["credit_pack_required", "pack"])
    await pack(by)
    await pack(by, { key: "euros", currency: "EUR" as Currency.Currency })
    await pack(by, { key: "cheap", price: minor(1n) })
    assert.deepStrictEqual(await wrong({ pack: undefined }), ["credit_pack_required", "pack"])
    assert.deepStrictEqual(await wrong({ pack: "euros" }), ["no_price_in_currency", "pack"])
    assert.deepStrictEqual(await wrong({ pack: "cheap" }), ["below_provider_minimum", "amount"])
    assert.deepStrictEqual(await wrong({ consent: false }), ["consent_required", "consent"])
    assert.deepStrictEqual(await wrong({ threshold: 4n * credit }), ["outside_range", "threshold"])
    assert.deepStrictEqual(await wrong({ amount: 501n * credit }), ["outside_range", "amount"])
    assert.deepStrictEqual(await wrong({ maxPerDay: money(999n) }), ["outside_range", "maxPerDay"])
    assert.deepStrictEqual(await wrong({ maxPerMonth: money(999n) }), ["outside_range", "maxPerMonth"])
    const euros = { ...money(2_000n), currency: "EUR" as Currency.Currency }
    assert.deepStrictEqual(await wrong({ maxPerMonth: euros }), ["currency_differs", "maxPerMonth.currency"])
    const poor = await Client.create(pool, made.organization)
    assert.deepStrictEqual(await outcomeOf(configure(by, poor)), ["payment_method_required", "paymentMethod"])
    await pool.query("update payment_method set inactive = true where id = $1", [method])
    assert.deepStrictEqual(await wrong({}), ["payment_method_inactive", "paymentMethod"])
    assert.deepStrictEqual((await standing(by, client)).config, null)
    await pool.query("update payment_method set inactive = false where id = $1", [method])
    const set = await run(configure(by, client))
    assert.deepInclude(set, { enabled: true, phase: "armed", etag: "1" })
    assert.deepStrictEqual(set.config?.consent, { by: "token:test", at: start })
  })

  it("buys once when a debit brings the balance below the threshold, and cools down", async () => {
    const { organization, client, by, at } = await scene()
    await run(spend(by, client, 30))
    assert.deepStrictEqual(await events(organization, "recharge.wanted"), [])
    await run(spend(by, client, 15))
    await run(spend(by, client, 1))
    assert.strictEqual((await events(organization, "recharge.wanted")).length, 1)
    assert.deepInclude(await standing(by, client), { phase: "wanted", crossing: 1 })
    await work(organization, start)
    assert.deepStrictEqual(await orders(organization), ["auto_recharge paid 1000: succeeded"])
    assert.deepStrictEqual(await charged(organization), { charges: 1, amount: 1_000n, back: 0n })
    assert.strictEqual(await left(organization, client), 104n)
    assert.deepInclude(await standing(by, client), { phase: "cooling", dueAt: start + 60 * second })
    assert.strictEqual((await standing(by, client)).bought.today.amount, 1_000n)

    // What falls meanwhile is found when it has cooled down.
    await run(spend(at(start + second), client, 100))
    await work(organization, start + 59 * second)
    assert.strictEqual((await attempts(organization)).length, 1)
    await work(organization, start + 60 * second)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded", "2: 1000 succeeded"])
    assert.strictEqual(await left(organization, client), 104n)
    await work(organization, start + 120 * second)
    assert.deepInclude(await standing(by, client), { phase: "armed", crossing: 2, dueAt: null })
    await isWell(organization)
  })

  it("is wanted by a debit that was refused, and buys enough for it", async () => {
    const { organization, client, by, at } = await scene()
    const refused = await refusal(spend(by, client, 260))
    assert.deepInclude(refused, { _tag: "InsufficientCredits", missing: 210n * credit })
    assert.deepStrictEqual("recharge" in refused ? refused.recharge : null, {
      phase: "wanted",
      crossing: 1,
      reason: null,
      dueAt: start
    })
    // While it is wanted, more is remembered, and less is not told of again.
    await refusal(hold(by, client, 340))
    await refusal(spend(by, client, 300))
    assert.strictEqual((await events(organization, "recharge.wanted")).length, 1)
    await work(organization, start)
    assert.deepStrictEqual(await attempts(organization), ["1: 3000 succeeded"])
    await run(spend(by, client, 340))

    // Also while it cools down.
    assert.deepInclude(await refusal(spend(at(start + second), client, 200)), { missing: 190n * credit })
    await give(at(start + second), client, 50)
    await work(organization, start + 60 * second)
    assert.deepStrictEqual(await attempts(organization), ["1: 3000 succeeded", "2: 2000 succeeded"])
    await run(spend(at(start + 60 * second), client, 200))
    await isWell(organization)
  })

  it("is wanted once, by however many at once, and begun once by however many workers", async () => {
    const { organization, client, by } = await scene("sandbox_slow_20")
    const results = await Promise.all(Array.from({ length: 40 }, () => attempt(spend(by, client, 2))))
    assert.strictEqual(results.filter(Result.isSuccess).length, 25)
    assert.strictEqual((await events(organization, "recharge.wanted")).length, 1)
    await Promise.all(Array.from({ length: 4 }, () => run(runDue(organization, start))))
    await work(organization, start)
    assert.strictEqual((await charged(organization)).charges, 1)
    assert.strictEqual((await attempts(organization)).length, 1)
    await isWell(organization)
  })

  it("is seen by holds, and not by what is beyond the lots", async () => {
    const { organization, client, by } = await scene()
    await run(hold(by, client, 45))
    assert.deepInclude(await standing(by, client), { phase: "wanted" })
    await work(organization, start)
    assert.strictEqual(await left(organization, client), 105n)
    await isWell(organization)
  })

  it("is seen when credits end", async () => {
    const { organization, client, by } = await scene()
    await run(spend(by, client, 40))
    const lot = {
      kind: "promo",
      priority: 0,
      unitCost: null,
      source: "gift",
      features: null,
      effectiveAt: null
    } as const
    const given = { ...lot, client, amount: 40n * credit, expiresAt: start + day }
    await run(grantCredits({ ...by, key: Ids.mint() }, given))
    await run(configure(by, client, { threshold: 20n * credit }))
    await work(organization, start + day - 1)
    assert.deepInclude(await standing(by, client), { phase: "armed", crossing: 0 })
    await work(organization, start + day)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    assert.strictEqual(await left(organization, client), 110n)
    await isWell(organization)
  })

  it("buys in a trial where the organization says so, and else waits", async () => {
    for (const rechargeInTrial of [true, false]) {
      const made = await world({ settings: { rechargeInTrial } })
      const { id: organization } = made.organization
      const by = made.caller()
      const { client } = await payer(made, "sandbox_succeed")
      await pack(by)
      await run(publishPlan(by, { key: "pro", name: "Pro", price: minor(0n), terms: plan }))
      const trial = { unit: "day", count: 14 } as const
      await run(createSubscription({ ...by, key: Ids.mint() }, { client, plan: "pro", seats: undefined, trial }))
      await run(configure(by, client))
      await run(spend(by, client, 95))
      await work(organization, start)
      assert.deepInclude(
        await standing(by, client),
        rechargeInTrial ? { phase: "cooling" } : { phase: "wanted", waits: "not_allowed" }
      )
      await isWell(organization)
    }
  })

  it("asks for nothing where credits have come meanwhile", async () => {
    const { organization, client, by } = await scene()
    await run(spend(by, client, 45))
    await give(by, client, 100)
    await work(organization, start)
    assert.deepStrictEqual(await attempts(organization), [])
    assert.deepInclude(await standing(by, client), { phase: "armed", crossing: 1 })
  })

  it("that is declined stops, and says why, until it is armed again", async () => {
    const { organization, client, method, by, at } = await scene("sandbox_decline_funds_1_then_succeed")
    await run(spend(by, client, 45))
    await work(organization, start)
    assert.deepStrictEqual(await orders(organization), ["auto_recharge void 1000: declined"])
    const stopped = await standing(by, client)
    assert.strictEqual(stopped.phase, "stopped")
    assert.deepInclude(stopped.stopped, { reason: "declined", class: "funds", code: "insufficient_funds", at: start })
    assert.strictEqual((await events(organization, "recharge.stopped")).length, 1)
    assert.deepStrictEqual(await refusal(spend(by, client, 20)), {
      _tag: "InsufficientCredits",
      asked: 20n * credit,
      available: 5n * credit,
      missing: 15n * credit,
      recharge: { phase: "stopped", crossing: 1, reason: "declined", dueAt: null }
    })
    await work(organization, start + 7 * day)
    assert.strictEqual((await attempts(organization)).length, 1)

    assert.deepStrictEqual(await outcomeOf(rearmRecharge(by, { client })), ["payment_method_inactive", "paymentMethod"])
    assert.strictEqual((await standing(by, client)).stopped?.method, "inactive")
    await pool.query("update payment_method set inactive = false where id = $1", [method])
    assert.strictEqual((await standing(by, client)).stopped?.method, "ready")
    const later = at(start + 7 * day)
    assert.deepInclude(await run(rearmRecharge(later, { client })), { phase: "armed", stopped: null })
    assert.deepStrictEqual(await outcomeOf(rearmRecharge({ ...later, key: Ids.mint() }, { client })), [
      "recharge_not_stopped",
      undefined
    ])
    await work(organization, start + 7 * day)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 failed", "2: 1000 succeeded"])
    await isWell(organization)
  })

  it("stops where there is nothing left to pay with", async () => {
    const { organization, client, method, by } = await scene()
    await pool.query("update payment_method set removed_at = now() where id = $1", [method])
    await run(spend(by, client, 45))
    await work(organization, start)
    const { phase, stopped } = await standing(by, client)
    assert.deepStrictEqual([phase, stopped?.reason], ["stopped", "method_missing"])
    assert.deepStrictEqual(await attempts(organization), [])
  })

  it("keeps within the ceilings of the client's own day and month, and goes on when they turn", async () => {
    const made = await world()
    const { organization, caller } = made
    const by = caller()
    const { client } = await payer(made, "sandbox_succeed", { timeZone: "Australia/Lord_Howe" })
    await pack(by)
    await run(configure(by, client, { maxPerDay: money(2_500n), maxPerMonth: money(4_000n), cooldownSeconds: 0 }))
    // It is the first of March, 11 in the morning there: thirteen hours are left of the day.
    const morrow = start + 13 * 3_600 * second
    await refusal(spend(by, client, 500))
    await work(organization.id, start)
    assert.deepStrictEqual(await attempts(organization.id), ["1: 2000 succeeded"])
    await run(spend(by, client, 195))
    await work(organization.id, start)
    assert.deepInclude(await standing(by, client), { phase: "wanted", waits: "ceiling_day", dueAt: morrow })
    assert.deepInclude(await refusal(spend(by, client, 6)), {
      recharge: { phase: "wanted", crossing: 2, reason: "ceiling_day", dueAt: morrow }
    })
    await work(organization.id, morrow - 1)
    assert.strictEqual((await attempts(organization.id)).length, 1)
    await work(organization.id, morrow)
    assert.deepStrictEqual(await attempts(organization.id), ["1: 2000 succeeded", "2: 1000 succeeded"])
    await run(spend(caller({ now: morrow }), client, 100))
    await work(organization.id, morrow)
    await run(spend(caller({ now: morrow }), client, 100))
    await work(organization.id, morrow)
    const { waits, bought } = await standing(caller({ now: morrow }), client)
    assert.strictEqual(waits, "ceiling_month")
    assert.deepInclude(bought, { today: money(2_000n), thisMonth: money(4_000n) })
    await isWell(organization.id)
  })

  it("waits while a cap leaves no room for what it would buy, until that resets or is raised", async () => {
    for (const until of ["raised", "reset"] as const) {
      const { organization, client, by, at } = await scene()
      await run(setCap(by, { client, ...cap(500n) }))
      await run(spend(by, client, 45))
      await work(organization, start)
      // What was given costs nothing: fifty are counted, at ten each.
      await run(spend(by, client, 55))
      assert.deepInclude(await refusal(spend(by, client, 1)), { _tag: "SpendingCapReached" })
      const later = start + 60 * second
      await run(configure(at(later), client, { threshold: 80n * credit }))
      await work(organization, later)
      assert.deepInclude(await standing(by, client), {
        phase: "wanted",
        waits: "cap_reached",
        dueAt: start + day
      })
      assert.strictEqual((await attempts(organization)).length, 1)
      const now = until === "reset" ? start + day : later
      if (until === "raised") await run(setCap(at(later), { client, ...cap(2_000n) }))
      await work(organization, now)
      assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded", "2: 1000 succeeded"])
      await isWell(organization)
    }
  })

  it("waits while the client is suspended, and goes on when it is served again", async () => {
    const { organization, client, by, at } = await scene()
    await run(spend(by, client, 45))
    await run(suspendClient(by, { client, reason: null, note: null }))
    await work(organization, start)
    assert.deepInclude(await standing(by, client), { phase: "wanted", waits: "not_allowed" })
    await work(organization, start + 3 * day)
    assert.deepStrictEqual(await attempts(organization), [])
    assert.deepStrictEqual(
      (await events(organization, "recharge.waiting")).map(({ reason }) => reason),
      ["not_allowed"]
    )
    await run(reactivateClient(at(start + 3 * day), { client }))
    await work(organization, start + 3 * day)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    await isWell(organization)
  })

  it("waits while the wallet would not take its credits, and goes on when it would", async () => {
    const { organization, client, by, at } = await scene("sandbox_succeed", { threshold: 100n * credit }, 200)
    const gift = { client, kind: "promo", amount: credit, unitCost: null, source: "gift", features: null } as const
    const ends = { effectiveAt: null, expiresAt: start + day }
    for (let priority = 0; priority < 64; priority++) {
      if (priority === 63) await run(spend(by, client, 200))
      await run(grantCredits({ ...by, key: Ids.mint() }, { ...gift, ...ends, priority: priority + 1 }))
    }
    await work(organization, start)
    assert.deepInclude(await standing(by, client), { phase: "wanted", waits: "wallet_full" })
    assert.deepStrictEqual(await charged(organization), { charges: 0, amount: 0n, back: 0n })
    await work(organization, start + 2 * day)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    assert.deepInclude(await standing(at(start + 2 * day), client), { phase: "armed" })
    await isWell(organization)
  })

  it("waits while its pack is not sold, until another is named", async () => {
    const { organization, client, by, at } = await scene()
    await run(archiveCreditPack(by, { product: "small" }))
    await run(spend(by, client, 45))
    await work(organization, start + 3 * day)
    assert.deepInclude(await standing(by, client), { phase: "wanted", waits: "pack_archived", dueAt: null })
    assert.strictEqual((await events(organization, "recharge.waiting")).length, 1)
    const now = at(start + 3 * day)
    const same = { pack: undefined, threshold: 11n * credit }
    assert.deepStrictEqual(await outcomeOf(configure(now, client, same)), ["credit_pack_archived", "pack"])
    assert.deepInclude(await run(configure(now, client, { ...same, enabled: false })), { phase: "off" })
    await pack(now)
    await run(configure(now, client))
    await work(organization, now.now)
    assert.deepStrictEqual(await attempts(organization), ["2: 1000 succeeded"])
    await isWell(organization)
  })

  it("that needs something done at the provider's says where, and is stopped where nobody does it in time", async () => {
    const { organization, client, by, at } = await scene("sandbox_decline_authentication")
    await run(spend(by, client, 45))
    await work(organization, start)
    const waiting = await standing(by, client)
    assert.strictEqual(waiting.phase, "in_flight")
    const { order, payment } = waiting.inFlight ?? {}
    assert.isString(order)
    assert.deepInclude(payment, { status: "action_required", actionUntil: start + day })
    const [told] = await events(organization, "recharge.action_required")
    assert.deepInclude(told, { crossing: 1, url: payment?.actionUrl, until: start + day })
    await work(organization, start + day - 1)
    assert.strictEqual((await events(organization, "recharge.action_required")).length, 1)
    assert.deepInclude(await standing(by, client), { phase: "in_flight" })

    await work(organization, start + day + 3_600 * second)
    const { phase, stopped } = await standing(by, client)
    assert.deepStrictEqual([phase, stopped?.class, stopped?.code], ["stopped", "authentication", "not_confirmed"])
    assert.deepStrictEqual(await orders(organization), ["auto_recharge void 1000: declined"])
    // Whoever confirms it now does so in vain.
    await Sandbox.confirm(await database(), organization, payment?.actionUrl?.split("/").at(-1) ?? "")
    assert.strictEqual((await charged(organization)).charges, 0)
    await work(organization, at(start + 9 * day).now)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 failed"])
    await isWell(organization)
  })

  it("that needs something done at the provider's buys once that was done, also at the last moment", async () => {
    const { organization, client, by } = await scene("sandbox_decline_authentication")
    await run(spend(by, client, 45))
    await work(organization, start)
    const { inFlight } = await standing(by, client)
    await work(organization, start + day - 1)
    await Sandbox.confirm(await database(), organization, inFlight?.payment.actionUrl?.split("/").at(-1) ?? "")
    await work(organization, start + day + 3_600 * second)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    assert.strictEqual(await left(organization, client), 105n)
    await isWell(organization)
  })

  it("is stopped where money goes back, so that it does not buy again what was given back", async () => {
    for (const how of ["refunded", "charged_back"] as const) {
      const { organization, client, connection, by, at } = await scene()
      await run(spend(by, client, 45))
      await work(organization, start)
      const { rows } = await pool.query<{ order: string; reference: string }>(
        `select order_id as "order", reference from payment where organization_id = $1`,
        [organization]
      )
      const { order = "", reference = "" } = rows[0] ?? {}
      if (how === "refunded") await run(refundOrder({ ...by, key: Ids.mint() }, { order, amount: null, policy: "owe" }))
      else {
        const { headers, body } = await Sandbox.chargeBack(await database(), connection, reference)
        await run(applyNotice(by, { connection: connection.id, headers: new Headers(headers), body }))
      }
      assert.strictEqual((await standing(by, client)).stopped?.reason, how)
      assert.deepInclude(await events(organization, "recharge.stopped"), {
        reason: how,
        class: null,
        code: null,
        message: null,
        order
      })
      await work(organization, start + 7 * day)
      assert.strictEqual((await attempts(organization)).length, 1)
      await run(rearmRecharge({ ...at(start + 7 * day), key: Ids.mint() }, { client }))
      await work(organization, start + 7 * day)
      assert.strictEqual((await attempts(organization)).length, 2)
      await isWell(organization)
    }
  })

  it("of a parent is wanted by a child that draws on it, once", async () => {
    const { organization, client, by } = await scene()
    const child = await Client.create(pool, { id: organization }, { parent: client, usesParentBalance: true })
    await run(spend(by, child, 45))
    assert.deepInclude(await refusal(spend(by, child, 30)), {
      recharge: { phase: "wanted", crossing: 1, reason: null, dueAt: start }
    })
    assert.deepInclude(await standing(by, client), { phase: "wanted", crossing: 1 })
    await work(organization, start)
    await run(spend(by, child, 30))
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    assert.strictEqual(await left(organization, client), 75n)
    assert.deepStrictEqual((await events(organization, "recharge.wanted"))[0], {
      crossing: 1,
      shortfall: "0",
      spender: child
    })
    await isWell(organization)
  })

  it("that is switched off in flight buys what it has begun, and no more", async () => {
    const { organization, client, by } = await scene("sandbox_timeout_after_charging_then_succeed")
    await run(spend(by, client, 45))
    await run(runDue(organization, start))
    assert.deepInclude(await standing(by, client), { phase: "in_flight" })
    assert.deepInclude(await run(configure(by, client, { enabled: false })), { enabled: false, phase: "in_flight" })
    await work(organization, start + day)
    assert.deepInclude(await standing(by, client), { enabled: false, phase: "off" })
    assert.strictEqual(await left(organization, client), 105n)
    await run(spend(by, client, 100))
    await work(organization, start + 2 * day)
    assert.deepStrictEqual(await attempts(organization), ["1: 1000 succeeded"])
    await isWell(organization)
  })

  it("keeps what is set where only the switch is meant, and needs consent anew", async () => {
    const { client, by } = await scene()
    const off = { enabled: false, threshold: undefined, amount: undefined, pack: undefined, consent: false } as const
    const rest = { maxPerDay: undefined, maxPerMonth: undefined, cooldownSeconds: undefined } as const
    assert.deepInclude(await run(configure(by, client, { ...off, ...rest })), { phase: "off", etag: "2" })
    assert.deepStrictEqual(await outcomeOf(configure(by, client, { ...off, ...rest, enabled: true })), [
      "consent_required",
      "consent"
    ])
    const on = await run(configure(by, client, { ...off, ...rest, enabled: true, consent: true }))
    assert.deepInclude(on.config, { threshold: 10n * credit, amount: 100n * credit, cooldownSeconds: 60 })
    assert.deepInclude(await refusal(configure({ ...by, ifMatch: "1" }, client)), { _tag: "VersionStale" })
  })
})

describe("the doctor", () => {
  it("sees a recharge that ran away", async () => {
    const { organization, client, by, at } = await scene("sandbox_succeed", { maxPerDay: money(2_000n) })
    await run(spend(by, client, 45))
    await work(organization, start)
    await run(spend(at(start + 60 * second), client, 100))
    await work(organization, start + 60 * second)
    await isWell(organization)
    const plant = async (sql: string) => {
      await pool.query(sql, [organization])
      return new Set((await ailments(organization)).map(({ name }) => name))
    }
    const of = "where organization_id = $1 and crossing"
    assert.isTrue((await plant(`update recharge set max_per_day = 1999 ${of} = 2`)).has("ceilings"))
    assert.isTrue((await plant(`update recharge set settled_at = at + interval '2 minutes' ${of} = 1`)).has("flights"))
    assert.isTrue((await plant(`update recharge set credits = credits + 1 ${of} = 1`)).has("recharged"))
    assert.isTrue((await plant(`update recharge set status = 'in_flight' ${of} = 2`)).has("recharging"))
  })
})

describe("a balance that runs low", () => {
  const told = async (organization: string) => {
    const { db } = await database()
    const rows = await db
      .selectFrom("event")
      .select("kind")
      .where("organization_id", "=", organization)
      .where("kind", "like", "balance.%")
      .orderBy("number")
      .execute()
    return rows.map(({ kind }) => kind.slice("balance.".length))
  }

  it("is told of once, and again only after it was back", async () => {
    const made = await world()
    const { organization, caller } = made
    const by = caller()
    const { client } = await payer(made, "sandbox_succeed")
    await give(by, client, 50)
    await run(
      configure(by, client, { enabled: false, threshold: undefined, amount: undefined, lowBalance: 20n * credit })
    )
    for (const credits of [29, 2, 3, 1]) await run(spend(by, client, credits))
    assert.deepStrictEqual(await told(organization.id), ["watched", "low"])
    await run(spend(by, client, 15))
    assert.deepInclude(await refusal(spend(by, client, 1)), { _tag: "InsufficientCredits" })
    await give(by, client, 10)
    await run(spend(by, client, 10))
    assert.deepStrictEqual(await told(organization.id), ["watched", "low", "out"])
    await give(by, client, 20)
    await run(spend(by, client, 20))
    assert.deepStrictEqual(await told(organization.id), ["watched", "low", "out", "restored", "out"])

    const later = caller({ now: start + second })
    await announce(later)
    await announce(caller({ now: start + 2 * second }))
    const { rows } = await pool.query<{ low: number; out: number }>(
      `select low_balance_notified_at as low, out_of_balance_notified_at as out from client where id = $1`,
      [client]
    )
    assert.deepStrictEqual(
      rows.map(({ low, out }) => [Number(low), Number(out)]),
      [[start + second, start + second]]
    )
    const shown = async () => (await run(getClient(later, { client }))).billing.notifications
    const at = start + second
    assert.deepStrictEqual(await shown(), { lowBalanceAt: at, outOfBalanceAt: at, spendingCapAt: null })
    const announced = (await told(organization.id)).filter((kind) => kind.endsWith("announced"))
    assert.deepStrictEqual(announced, ["low_announced", "out_announced", "out_announced"])
    await give(later, client, 30)
    await run(spend(later, client, 1))
    assert.deepStrictEqual(await shown(), { lowBalanceAt: null, outOfBalanceAt: null, spendingCapAt: null })
    await isWell(organization.id)
  })

  it("is told of by whoever spends, of whose wallet it is", async () => {
    const { organization, client, by } = await scene()
    const child = await Client.create(
      pool,
      { id: organization },
      { parent: client, usesParentBalance: true, onboarded: false }
    )
    await run(completeOnboarding(by, { client: child }))
    await run(spend(by, child, 41))
    const { rows } = await pool.query(
      "select client_id from event where organization_id = $1 and kind = 'balance.low'",
      [organization]
    )
    assert.deepStrictEqual(rows, [{ client_id: client }])
  })
})
