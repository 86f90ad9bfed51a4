import { assert, describe, it } from "@effect/vitest"
import { type Tenant, tenant } from "./Paying.ts"
import * as Serving from "./Serving.ts"

const { url } = await Serving.start()

interface Detail {
  readonly code?: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly etag: string
  readonly payer: string
  readonly balances: Readonly<Record<string, string>>
  readonly billing: Readonly<Record<string, unknown>> & {
    readonly autoRecharge: Readonly<Record<string, unknown>> | null
    readonly spendingCap: Readonly<Record<string, unknown>> | null
  }
}

const calls = (own: Pick<Tenant, "token">, call: typeof Serving.overRest = Serving.overRest) => {
  const ask = async (name: string, input: Serving.Input) => {
    const { status, body } = await call(url, name, input, own)
    return { status, body: body as unknown as Detail }
  }
  return {
    get: async (client: string) => (await ask("clients.billing.get", { client })).body,
    update: (client: string, patch: Serving.Input) => ask("clients.billing.update", { client, ...patch }),
    refusal: async (client: string, patch: Serving.Input) => {
      const { status, body } = await ask("clients.billing.update", { client, ...patch })
      return [status, body.details?.["reason"], body.details?.["field"]]
    }
  }
}

const usd = (amount: number) => ({ amount, currency: "USD" })
const recharge = { threshold: "10", amount: "50", consent: true }

describe.each(Serving.transports)("clients.billing over %s", (_, call) => {
  it("merges a patch: what is absent stays, null clears, and the answer is what is read", async () => {
    const own = await tenant(url)
    const { get, update } = calls(own, call)
    await own.pack("small")
    const client = await own.client()
    await own.method(client)
    const all = {
      autoRecharge: { ...recharge, enabled: true, pack: "small", maxPerDay: usd(20_000), cooldownSeconds: 30 },
      spendingCap: { limit: usd(5_000), thresholds: [90] },
      overdraftLimit: "25",
      lowBalance: "5"
    }
    const first = await update(client, all)
    assert.strictEqual(first.status, 200, JSON.stringify(first.body))
    assert.deepStrictEqual(first.body, await get(client))
    assert.deepInclude(first.body.billing, { overdraftLimit: "25", lowBalance: "5", usesParentBalance: false })
    assert.deepInclude(first.body.billing.autoRecharge, {
      enabled: true,
      threshold: "10",
      amount: "50",
      pack: "small",
      maxPerDay: usd(20_000),
      maxPerMonth: null,
      cooldownSeconds: 30
    })
    assert.deepInclude(first.body.billing.spendingCap, {
      enabled: true,
      limit: usd(5_000),
      thresholds: [90],
      used: "0"
    })
    assert.strictEqual(first.body.balances["available"], "25")

    const second = (await update(client, { autoRecharge: { maxPerDay: null, amount: "60" }, overdraftLimit: null }))
      .body
    assert.deepInclude(second.billing.autoRecharge, { threshold: "10", amount: "60", maxPerDay: null })
    assert.deepInclude(second.billing, { overdraftLimit: "0", lowBalance: "5" })
    assert.deepStrictEqual(second.billing.spendingCap, first.body.billing.spendingCap)

    const third = (await update(client, { autoRecharge: null, spendingCap: null, lowBalance: null })).body
    assert.deepInclude(third.billing.autoRecharge, { enabled: false, threshold: "10", amount: "60" })
    assert.deepInclude(third.billing, { spendingCap: null, lowBalance: null })
    assert.deepStrictEqual(third, await get(client))
  })

  it("changes nothing where nothing is asked for that is not so, and has a version", async () => {
    const own = await tenant(url)
    const { get, update } = calls(own, call)
    const client = await own.client()
    const patch = { spendingCap: { limit: usd(100) }, lowBalance: "5" }
    const { etag } = await get(client)
    const first = await update(client, { ...patch, ifMatch: etag })
    assert.notStrictEqual(first.body.etag, etag)
    assert.strictEqual((await update(client, { ...patch, ifMatch: etag })).status, 412)
    const second = await update(client, { ...patch, ifMatch: first.body.etag })
    assert.deepStrictEqual(second.body, first.body)
    assert.lengthOf(await own.events(client, "cap.set"), 1)
    assert.lengthOf(await own.events(client, "client.billing_updated"), 1)
  })

  it("answers a key again as it did, and refuses it for anything else", async () => {
    const own = await tenant(url)
    const { update } = calls(own, call)
    const client = await own.client()
    const first = await update(client, { overdraftLimit: "5", idempotencyKey: "once" })
    await update(client, { overdraftLimit: "7" })
    assert.deepStrictEqual(await update(client, { overdraftLimit: "5", idempotencyKey: "once" }), first)
    assert.strictEqual((await update(client, { overdraftLimit: "6", idempotencyKey: "once" })).status, 409)
  })
})

describe("clients.billing", () => {
  it("does all of a patch or nothing, whichever part is refused", async () => {
    const own = await tenant(url)
    const { get, update, refusal } = calls(own)
    await own.pack("small")
    const parent = await own.client()
    const client = await own.client({ parent })
    const before = await get(client)
    const rest = { overdraftLimit: "9", lowBalance: "3", usesParentBalance: true }
    assert.deepStrictEqual(
      await refusal(client, { ...rest, spendingCap: { limit: usd(10) }, autoRecharge: { ...recharge, enabled: true } }),
      [422, "credit_pack_required", "autoRecharge.pack"]
    )
    assert.deepStrictEqual(await refusal(client, { ...rest, spendingCap: {} }), [
      422,
      "not_admissible",
      "spendingCap.limit"
    ])
    assert.deepStrictEqual(
      await refusal(client, { ...rest, spendingCap: { limit: { amount: 10, currency: "EUR" } } }),
      [422, "currency_differs", "spendingCap.limit.currency"]
    )
    assert.deepStrictEqual(await get(client), before)
    const { status, body } = await update(client, { ...rest, spendingCap: { limit: usd(10) } })
    assert.strictEqual(status, 200)
    assert.strictEqual(body.payer, parent)
    assert.deepStrictEqual(body, await get(client))
  })

  it("names what a recharge lacks, or what is outside the organization's ranges", async () => {
    const own = await tenant(url)
    const { refusal, update } = calls(own)
    await own.pack("small")
    const client = await own.client()
    const ask = (more: object) =>
      refusal(client, { autoRecharge: { enabled: true, pack: "small", ...recharge, ...more } })
    assert.deepStrictEqual(await ask({}), [422, "payment_method_required", "paymentMethod"])
    await own.method(client)
    assert.deepStrictEqual(await ask({ consent: false }), [422, "consent_required", "autoRecharge.consent"])
    assert.deepStrictEqual(await ask({ pack: "large" }), [422, "credit_pack_required", "autoRecharge.pack"])
    assert.deepStrictEqual(await ask({ amount: "0.01" }), [422, "below_provider_minimum", "autoRecharge.amount"])
    const euros = { maxPerDay: { amount: 20_000, currency: "EUR" } }
    assert.deepStrictEqual(await ask(euros), [422, "currency_differs", "autoRecharge.maxPerDay.currency"])
    assert.deepStrictEqual(await ask({ maxPerDay: usd(10) }), [422, "outside_range", "autoRecharge.maxPerDay"])
    await own.settle({
      rechargeThresholdRange: { min: "5", max: "20" },
      rechargeAmountRange: { min: "5", max: "20" },
      capRange: { min: 100, max: 200 }
    })
    assert.deepStrictEqual(await ask({ threshold: "4" }), [422, "outside_range", "autoRecharge.threshold"])
    assert.deepStrictEqual(await ask({ amount: "21" }), [422, "outside_range", "autoRecharge.amount"])
    for (const amount of [99, 201])
      assert.deepStrictEqual(await refusal(client, { spendingCap: { limit: usd(amount) } }), [
        422,
        "outside_range",
        "spendingCap.limit.amount"
      ])
    const { status } = await update(client, {
      autoRecharge: { ...recharge, enabled: true, pack: "small", amount: "20" },
      spendingCap: { limit: usd(200) }
    })
    assert.strictEqual(status, 200)
  })

  it("keeps who agreed, and asks again only where it is switched on again", async () => {
    const own = await tenant(url)
    const { get, update, refusal } = calls(own)
    await own.pack("small")
    const client = await own.client()
    await own.method(client)
    await update(client, { autoRecharge: { ...recharge, enabled: true, pack: "small" } })
    const agreed = (await get(client)).billing.autoRecharge?.["consent"]
    await update(client, { autoRecharge: { threshold: "12" } })
    assert.deepStrictEqual((await get(client)).billing.autoRecharge?.["consent"], agreed)
    await update(client, { autoRecharge: { enabled: false } })
    assert.deepStrictEqual(await refusal(client, { autoRecharge: { enabled: true } }), [
      422,
      "consent_required",
      "autoRecharge.consent"
    ])
  })

  it("lets a client set its own recharge and watch while it pays for itself, and nothing that bounds it", async () => {
    const own = await tenant(url)
    await own.pack("small")
    const parent = await own.client()
    const client = await own.client({ parent })
    await own.method(client)
    const { text } = await Serving.tokenOf(own.id, { reach: client })
    const { update, refusal } = calls({ token: text })
    for (const patch of [{ spendingCap: { limit: usd(10) } }, { overdraftLimit: "1" }, { usesParentBalance: true }])
      assert.strictEqual((await refusal(client, patch))[1], "set_from_above", JSON.stringify(patch))
    const set = { autoRecharge: { ...recharge, enabled: true, pack: "small" }, lowBalance: "5" }
    assert.strictEqual((await update(client, set)).status, 200)
    assert.strictEqual((await calls(own).update(client, { usesParentBalance: true })).status, 200)
    for (const patch of [{ autoRecharge: { amount: "70" } }, { lowBalance: "6" }])
      assert.strictEqual((await refusal(client, patch))[1], "set_from_above", JSON.stringify(patch))
    assert.strictEqual((await update(parent, { lowBalance: "6" })).status, 404)
  })

  it("shows what a client has from above it only to who reaches there, and features only where all above have them", async () => {
    const own = await tenant(url)
    const parent = await own.client({ name: "Agency", metadata: { "features.workflows": true } })
    const metadata = { "features.workflows": true, "features.broadcasts": true, "config.address": "Bahnhofstrasse 1" }
    const client = await own.client({ parent, metadata: metadata })
    const { text } = await Serving.tokenOf(own.id, { reach: client })
    const { body: above } = await Serving.overRest(url, "clients.get", { client }, own)
    const { body: inside } = await Serving.overRest(url, "clients.get", { client }, { token: text })
    assert.deepInclude(above, {
      features: { workflows: true, broadcasts: false },
      config: { address: "Bahnhofstrasse 1" },
      role: "ADMIN"
    })
    assert.deepInclude(above["parentClient"], { id: parent, name: "Agency", features: { workflows: true } })
    assert.deepInclude(inside, { parentClient: null, role: "DEVELOPER" })
  })
})
