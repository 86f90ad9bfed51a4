import { runDue } from "@capstan/billing"
import { Payments } from "@capstan/payments"
import { Database, Due, Trees } from "@capstan/store"
import { Database as Test } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime } from "effect"
import { afterAll, assert, describe, it } from "vitest"
import { tenant } from "./Paying.ts"
import { anId, organization, secret, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()

const runtime = ManagedRuntime.make(
  Layer.merge(Trees.Trees.layer(Test.url), Payments.layer(secret)).pipe(
    Layer.provideMerge(Database.Database.layer(Test.url, { max: 2 }))
  )
)
afterAll(() => runtime.dispose())

const usd = (amount: number) => ({ amount, currency: "USD" })

/** What the worker would do. */
const work = (of: string) =>
  runtime.runPromise(
    Effect.gen(function* () {
      const { db } = yield* Database.Database
      const now = yield* Effect.promise(() => Due.now(db, of))
      return yield* runDue(of, now ?? 0)
    })
  )

describe.each(transports)("over %s", (_, call) => {
  it("a recharge is set, buys, stops, and is armed again; who is refused is told how it stands", async () => {
    const own = await tenant(url)
    await own.pack("credits", 10n)
    const client = await own.client()
    const before = await call(url, "recharge.get", { client }, own)
    assert.deepInclude(before.body, { enabled: false, config: null, phase: "off", etag: '"0"' })

    const setting = { client, enabled: true, threshold: "10", amount: 100, pack: "credits", consent: true }
    const poor = await call(url, "recharge.configure", setting, own)
    assert.deepStrictEqual([poor.status, poor.body["code"]], [422, "not_admissible"])
    assert.deepInclude(poor.body["details"], { reason: "payment_method_required", field: "paymentMethod" })
    await own.method(client, `sandbox_decline_temporary_1_then_succeed.${anId()}`)
    await own.settle({ declinesUntilInactive: 5 })
    const set = await call(url, "recharge.configure", { ...setting, maxPerDay: usd(2_000), lowBalance: 20 }, own)
    assert.strictEqual(set.status, 200, JSON.stringify(set.body))
    assert.deepInclude(set.body, { enabled: true, phase: "armed", waits: null, stopped: null, lowBalance: "20" })
    assert.deepInclude(set.body["config"], {
      threshold: "10",
      amount: "100",
      price: "10",
      currency: "USD",
      maxPerDay: usd(2_000),
      maxPerMonth: null,
      cooldownSeconds: 60
    })
    const stale = await call(url, "recharge.configure", { ...setting, ifMatch: '"7"' }, own)
    assert.strictEqual(stale.status, 412)

    const debit = { client, amount: "5" }
    const refused = await call(url, "credits.consume", { ...debit, idempotencyKey: anId() }, own)
    assert.deepStrictEqual([refused.status, refused.body["code"]], [402, "insufficient_credits"])
    const { recharge } = refused.body["details"] as { readonly recharge: Readonly<Record<string, unknown>> }
    assert.deepInclude(recharge, { phase: "wanted", crossing: 1, reason: null })
    await work(own.id)
    const stopped = await call(url, "recharge.get", { client }, own)
    assert.deepInclude(stopped.body, { phase: "stopped", crossing: 1 })
    assert.deepInclude(stopped.body["stopped"], { reason: "declined", class: "temporary" })

    const armed = await call(url, "recharge.rearm", { client, idempotencyKey: anId() }, own)
    assert.deepInclude(armed.body, { phase: "armed", stopped: null })
    const again = await call(url, "recharge.rearm", { client, idempotencyKey: anId() }, own)
    assert.deepInclude(again.body["details"], { reason: "recharge_not_stopped" })
    await work(own.id)
    const cooling = await call(url, "recharge.get", { client }, own)
    assert.deepInclude(cooling.body, { phase: "cooling", crossing: 2, inFlight: null })
    assert.deepInclude(cooling.body["bought"], { today: usd(1_000), thisMonth: usd(1_000) })
    const spent = await call(url, "credits.consume", { ...debit, idempotencyKey: anId() }, own)
    assert.isBelow(spent.status, 300)

    const { items } = (await call(url, "recharge.attempts", { client }, own)).body as {
      readonly items: ReadonlyArray<Readonly<Record<string, unknown>>>
    }
    assert.deepStrictEqual(
      items.map(({ crossing, status, credits, amount }) => ({ crossing, status, credits, amount })),
      [
        { crossing: 2, status: "succeeded", credits: "100", amount: usd(1_000) },
        { crossing: 1, status: "failed", credits: "100", amount: usd(1_000) }
      ]
    )
    assert.deepInclude(items[1]?.["failure"], { class: "temporary" })
  })

  it("a recharge is nobody else's", async () => {
    const own = await tenant(url)
    const client = await own.client()
    const sibling = { id: own.id, token: (await tokenOf(own.id, { reach: await own.client() })).text }
    for (const other of [await organization(), sibling])
      for (const name of ["recharge.get", "recharge.attempts", "recharge.rearm"])
        assert.strictEqual((await call(url, name, { client }, other)).status, 404)
    const reader = { token: (await tokenOf(own.id, { scopes: ["spending:read"] })).text }
    assert.strictEqual((await call(url, "recharge.rearm", { client }, reader)).status, 403)
  })
})
