/**
 * What is given, rolled over, lent and owed, over the API of a sandbox whose clock the test moves; what falls due is done
 * as the worker does it.
 */
import { publishPlan, runDue } from "@capstan/billing"
import { Currency, Money, type Plan, Rate } from "@capstan/domain"
import { Payments } from "@capstan/payments"
import { connect, safe } from "@capstan/sdk"
import { type Caller, Database, Due, Ids, Trees } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Layer, ManagedRuntime, Result } from "effect"
import { afterAll } from "vitest"
import { open } from "../src/server.ts"
import { organization, pool, secret } from "./Serving.ts"

const api = await open({ databaseUrl: TestDatabase.url, secret })
const runtime = ManagedRuntime.make(
  Trees.Trees.layer(TestDatabase.url).pipe(
    Layer.merge(Payments.layer(secret)),
    Layer.provideMerge(Database.Database.layer(TestDatabase.url, { max: 2 }))
  )
)
const { db } = await runtime.runPromise(Database.Database)
const trees = await runtime.runPromise(Trees.Trees)
afterAll(async () => {
  await api.close()
  await runtime.dispose()
})

const credit = 1_000_000n
const day = 86_400_000
const month = { unit: "month", count: 1 } as const

const terms: Plan.Terms = {
  currency: Currency.Currency.make("USD"),
  interval: month,
  creditInterval: month,
  credits: 100n * credit,
  creditValue: Rate.parse("1"),
  rollover: null,
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: null,
  seats: 1
}

/** A client of a sandbox of its own, on a plan if it has terms. */
const scene = async (own: Partial<Plan.Terms> | null, overdraftLimit = "0") => {
  const { id, token } = await organization()
  const now = async () => (await Due.now(db, id)) ?? 0
  const caller = async (): Promise<Caller> => ({
    organization: id,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now: await now(),
    key: Ids.mint(),
    ifMatch: null
  })
  const sdk = connect({
    url: "http://capstan",
    token,
    retry: { retries: 0 },
    fetch: (input, init) => api.fetch(new Request(input, init))
  })
  const client = (await sdk.clients.create.mutate({ name: "Shop", overdraftLimit })).id
  await sdk.clients.completeOnboarding.mutate({ client })
  if (own !== null) {
    const plan = { key: "pro", name: "Pro", price: Money.Minor.make(0n), terms: { ...terms, ...own } }
    await runtime.runPromise(publishPlan(await caller(), plan))
    await sdk.subscriptions.create.mutate({ client, plan: "pro" })
  }
  return {
    clients: sdk.clients,
    credits: sdk.credits,
    caps: sdk.caps,
    client,
    spend: (amount: string) => sdk.credits.consume.mutate({ client, amount }),
    refused: async (amount: string) => (await safe(sdk.credits.consume.mutate({ client, amount })))[1]?.data?.code,
    left: async () => {
      const { promo, included, extra } = (await sdk.clients.get.query({ client })).balances
      return [promo, included, extra]
    },
    owed: async () => {
      const { balance, overdraft, debt, overage } = (await sdk.clients.get.query({ client })).balances
      return { balance, overdraft, debt, overage }
    },
    owe: async (amount: bigint) => {
      const asked = await caller()
      const command = { _tag: "Owe", amount, at: asked.now } as const
      const key = { namespace: "caller", key: Ids.mint(), hash: null } as const
      Result.getOrThrow(await trees.change(asked, [client], (_, locked) => locked.post(client, command, key)))
    },
    advance: async (days: number) => {
      await pool.query("update organization set clock_ahead_ms = clock_ahead_ms + $2 where id = $1", [id, days * day])
      const done = await runtime.runPromise(runDue(id, await now()))
      assert.deepStrictEqual(done.refused, [])
    },
    orders: async () => {
      const { rows } = await pool.query(
        "select count(*)::int as orders from billing_order where organization_id = $1",
        [id]
      )
      return rows[0]?.orders as number
    }
  }
}

describe("a promo allowance", () => {
  it("is spent first, and set back to its amount each month, never added to; what was given once stays", async () => {
    const { client, credits, clients, spend, left, advance } = await scene({
      promoAllowance: { amount: 20n * credit, interval: month }
    })
    await credits.grant.mutate({ client, kind: "extra", amount: "50" })
    await credits.grant.mutate({ client, kind: "promo", amount: "10", source: "welcome" })
    assert.deepStrictEqual(await left(), ["30", "100", "50"])
    const first = (await clients.billing.get.query({ client })).billing.promo
    assert.strictEqual(first.balance, "30")
    await spend("15")
    assert.deepStrictEqual(await left(), ["15", "100", "50"])
    await advance(32)
    assert.deepStrictEqual(await left(), ["30", "100", "50"])
    await advance(31)
    assert.deepStrictEqual(await left(), ["30", "100", "50"])
    await spend("115")
    assert.deepStrictEqual(await left(), ["0", "15", "50"])
    await advance(31)
    assert.deepStrictEqual(await left(), ["20", "100", "50"])
    const last = (await clients.billing.get.query({ client })).billing.promo
    assert.strictEqual(last.balance, "20")
    assert.isAbove(Date.parse(last.resetAt ?? ""), Date.parse(first.resetAt ?? "") + 80 * day)
  })

  it("that is spent has been set back all the same: the answer still says when", async () => {
    const { client, clients, spend, left } = await scene({ promoAllowance: { amount: 20n * credit, interval: month } })
    const { resetAt } = (await clients.get.query({ client })).billing.promo
    assert.isNotNull(resetAt)
    await spend("20")
    assert.deepStrictEqual(await left(), ["0", "100", "0"])
    assert.strictEqual((await clients.get.query({ client })).billing.promo.resetAt, resetAt)
  })
})

describe("rollover", () => {
  const rollover = { min: 10n * credit, max: 30n * credit, renewals: 2 }

  it("begins with the first renewal: the first grant replaces nothing", async () => {
    const { left } = await scene({ rollover })
    assert.deepStrictEqual(await left(), ["0", "100", "0"])
  })

  it("keeps what is left, at least min and at most max, for so many renewals", async () => {
    const { spend, left, advance } = await scene({ rollover })
    await spend("30")
    await advance(31)
    assert.deepStrictEqual(await left(), ["0", "130", "0"])
    // What rolled over is spent first; of 100, 85 are spent as well.
    await spend("115")
    await advance(31)
    assert.deepStrictEqual(await left(), ["0", "115", "0"])
    await spend("115")
    await advance(31)
    assert.deepStrictEqual(await left(), ["0", "110", "0"])
  })

  it("ends after its renewals, also where nothing of it was spent", async () => {
    const { left, advance } = await scene({ rollover })
    const seen = []
    for (let months = 0; months < 4; months++) {
      await advance(31)
      seen.push((await left())[1])
    }
    assert.deepStrictEqual(seen, ["130", "160", "160", "160"])
  })
})

describe("overdraft and debt", () => {
  it("an overdraft is paid by the next grant, whatever it is of, and never invoiced", async () => {
    const { client, credits, spend, refused, owed, orders } = await scene(null, "20")
    await credits.grant.mutate({ client, kind: "extra", amount: "10" })
    await spend("25")
    assert.deepStrictEqual(await owed(), { balance: "-15", overdraft: "15", debt: "0", overage: "0" })
    assert.strictEqual(await refused("6"), "insufficient_credits")
    await credits.grant.mutate({ client, kind: "promo", amount: "5" })
    assert.deepStrictEqual(await owed(), { balance: "-10", overdraft: "10", debt: "0", overage: "0" })
    await credits.grant.mutate({ client, kind: "extra", amount: "50" })
    assert.deepStrictEqual(await owed(), { balance: "40", overdraft: "0", debt: "0", overage: "0" })
    assert.strictEqual(await orders(), 0)
  })

  it("is paid by a renewal, too, and periods that pass invoice nothing", async () => {
    const { spend, owed, advance, orders } = await scene({}, "20")
    await spend("115")
    assert.deepStrictEqual(await owed(), { balance: "-15", overdraft: "15", debt: "0", overage: "0" })
    await advance(31)
    assert.deepStrictEqual(await owed(), { balance: "85", overdraft: "0", debt: "0", overage: "0" })
    assert.strictEqual(await orders(), 0)
  })

  it("debt is paid before it", async () => {
    const { client, credits, spend, owe, owed } = await scene(null, "20")
    await spend("15")
    await owe(8n * credit)
    assert.deepStrictEqual(await owed(), { balance: "-23", overdraft: "15", debt: "8", overage: "0" })
    await credits.grant.mutate({ client, kind: "extra", amount: "20" })
    assert.deepStrictEqual(await owed(), { balance: "-3", overdraft: "3", debt: "0", overage: "0" })
  })
})

describe("caps", () => {
  it("bind all of them: given, included, bought, lent", async () => {
    const { client, caps, credits, spend, refused } = await scene(
      { credits: 10n * credit, promoAllowance: { amount: 10n * credit, interval: month } },
      "100"
    )
    await credits.grant.mutate({ client, kind: "extra", amount: "10", unitCost: { amount: "1", currency: "USD" } })
    await caps.set.mutate({ client, limit: { amount: 35, currency: "USD" }, scope: "all" })
    for (const amount of ["10", "10", "10", "5"]) await spend(amount)
    assert.strictEqual(await refused("1"), "spending_cap_reached")
    await caps.set.mutate({ client, limit: { amount: 36, currency: "USD" }, scope: "all" })
    await spend("1")
    assert.strictEqual(await refused("0.1"), "spending_cap_reached")
  })

  it("of what costs extra leave what was given alone, and stop at what is lent", async () => {
    const { client, caps, spend, refused } = await scene({ credits: 10n * credit }, "100")
    await caps.set.mutate({ client, limit: { amount: 3, currency: "USD" } })
    await spend("13")
    assert.strictEqual(await refused("1"), "spending_cap_reached")
  })
})
