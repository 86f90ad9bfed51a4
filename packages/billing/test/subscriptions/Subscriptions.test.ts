import {
  completeOnboarding,
  consumeCredits,
  createSubscription,
  getBalance,
  getClient,
  reactivateClient,
  renewCredits,
  suspendClient
} from "@capstan/billing"
import { Calendar } from "@capstan/domain"
import { type Caller, SubscriptionView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import {
  credit,
  day,
  grant,
  lotsOf,
  month,
  plan,
  pool,
  read,
  refusal,
  run,
  spend,
  start,
  utc,
  world
} from "../World.ts"

const subscribe = (caller: Caller, client: string) =>
  createSubscription(caller, { client, plan: "basic", seats: undefined, trial: undefined })

/** Where month n since the first of March starts. */
const months = (n: number) => Calendar.boundary(start, month, utc, n)

const renewals = async (client: string) => {
  const { rows } = await pool.query(
    "select key, amount from entry where client_id = $1 and namespace = 'renewal' order by seq",
    [client]
  )
  return rows as ReadonlyArray<{ readonly key: string; readonly amount: bigint }>
}

describe("createSubscription", () => {
  it("of a free plan starts at once, and grants what is included", async () => {
    const { organization, caller } = await world()
    await run(plan(caller()))
    const client = await Client.create(pool, organization)
    const made = await run(subscribe(caller({ key: "s" }), client))
    assert.deepInclude(made, {
      client,
      plan: "basic",
      base: true,
      status: "active",
      seats: 3,
      currentPeriodStart: start,
      currentPeriodEnd: months(1),
      nextCreditRenewalAt: months(1),
      etag: "1"
    })
    assert.deepStrictEqual(await run(subscribe(caller({ key: "s" }), client)), made)
    assert.deepStrictEqual(await read((db) => SubscriptionView.get(db, caller(), made.id)), Result.succeed(made))
    assert.deepStrictEqual(await renewals(client), [{ key: `${made.id}:0:0`, amount: 100n * credit }])
    assert.deepInclude(await refusal(subscribe(caller(), client)), { reason: "has_base_subscription" })
    assert.strictEqual((await run(getClient(caller(), { client }))).subscriptionStatus, "active")
  })

  it("of a paid plan is incomplete until it is paid, and grants nothing", async () => {
    const { organization, caller } = await world()
    await run(plan(caller(), { price: 900n }))
    const client = await Client.create(pool, organization)
    const made = await run(subscribe(caller(), client))
    assert.deepInclude(made, { status: "incomplete", currentPeriodStart: null, nextCreditRenewalAt: null })
    assert.deepStrictEqual(await renewals(client), [])
    await run(grant(caller(), client, credit))
    assert.deepStrictEqual(await refusal(consumeCredits(caller(), spend(client, credit))), {
      _tag: "SubscriptionNotPaid",
      client
    })
  })

  it("of a plan on trial starts at once, and ends with the trial where there is no way to pay", async () => {
    const { organization, caller } = await world()
    await run(plan(caller(), { price: 900n, terms: { trial: { unit: "day", count: 14 } } }))
    const client = await Client.create(pool, organization)
    const made = await run(subscribe(caller(), client))
    assert.deepInclude(made, { status: "trialing", trialEndsAt: start + 14 * day, currentPeriodEnd: start + 14 * day })
    await run(consumeCredits(caller(), spend(client, 40n * credit)))
    const later = start + 14 * day
    await run(renewCredits(caller({ now: later }), [made.id]))
    const ended = await read((db) => SubscriptionView.get(db, caller(), made.id))
    assert.deepInclude(Result.getOrThrow(ended), { status: "canceled", endedAt: later, endCause: "trial_end" })
    assert.deepInclude(await refusal(consumeCredits(caller({ now: later }), spend(client, credit))), {
      _tag: "InsufficientCredits",
      available: 0n
    })
  })

  it("of a trial that the organization suspends for suspends the client", async () => {
    const { organization, caller } = await world({ settings: { onTrialEndWithoutMethod: "suspend" } })
    await run(plan(caller(), { price: 900n, terms: { trial: { unit: "day", count: 14 } } }))
    const client = await Client.create(pool, organization)
    const { id } = await run(subscribe(caller(), client))
    const now = start + 15 * day
    assert.deepStrictEqual(await run(renewCredits(caller({ now }), [id])), { grants: 0, refused: [] })
    const { status, suspendedBy } = await run(getClient(caller({ now }), { client }))
    assert.deepStrictEqual([status, suspendedBy], ["suspended", [{ client, causes: ["system"] }]])
  })

  it("of a client who has not been onboarded starts with the onboarding", async () => {
    const { organization, caller } = await world()
    await run(
      plan(caller(), { terms: { promoAllowance: { amount: 7n * credit, interval: { unit: "day", count: 7 } } } })
    )
    const client = await Client.create(pool, organization, { onboarded: false })
    assert.strictEqual((await run(subscribe(caller(), client))).status, "incomplete")
    const now = start + 9 * day
    assert.strictEqual((await run(completeOnboarding(caller({ now }), { client }))).subscriptionStatus, "active")
    const balance = await run(getBalance(caller({ now }), { client }))
    assert.deepStrictEqual(lotsOf(balance.lots), ["promo 7", "included 100"])
    assert.deepStrictEqual(
      balance.lots.map(({ effectiveAt }) => effectiveAt),
      [now, now]
    )
  })

  it("needs the plan, in the client's currency, and a client who may be granted credits", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization, { currency: "EUR" })
    assert.deepStrictEqual(await refusal(subscribe(caller(), client)), { _tag: "NotFound", what: "plan", id: "basic" })
    await run(plan(caller()))
    assert.deepInclude(await refusal(subscribe(caller(), client)), { reason: "no_price_in_currency" })
    const root = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent: root, usesParentBalance: true })
    assert.deepInclude(await refusal(subscribe(caller(), child)), { _tag: "NotAdmissible" })
    await run(suspendClient(caller(), { client: root, reason: null, note: null }))
    assert.deepInclude(await refusal(subscribe(caller(), root)), { reason: "client_suspended" })
  })

  it("pins the version that is the latest then", async () => {
    const { organization, caller } = await world()
    const first = await run(plan(caller()))
    const client = await Client.create(pool, organization)
    await run(subscribe(caller(), client))
    const second = await run(plan(caller(), { terms: { credits: 5n * credit } }))
    assert.deepStrictEqual([first.version, second.version], [1, 2])
    await run(renewCredits(caller({ now: months(1) }), [await idOf(client)]))
    const { lots } = await run(getBalance(caller({ now: months(1) }), { client }))
    assert.deepStrictEqual(lotsOf(lots), ["included 100"])
  })
})

const idOf = async (client: string): Promise<string> => {
  const { rows } = await pool.query<{ readonly id: string }>("select id from subscription where client_id = $1", [
    client
  ])
  return rows[0]?.id ?? ""
}

describe("renewCredits", () => {
  it("replaces what is left, each grant once, whoever comes at once", async () => {
    const { organization, caller } = await world()
    await run(plan(caller()))
    const client = await Client.create(pool, organization)
    const { id } = await run(subscribe(caller(), client))
    await run(grant(caller(), client, 3n * credit))
    await run(consumeCredits(caller(), spend(client, 60n * credit)))
    assert.deepStrictEqual(await run(renewCredits(caller({ now: months(1) - 1 }), [id])), { grants: 0, refused: [] })
    const renewed = await Promise.all([1, 2, 3].map(() => run(renewCredits(caller({ now: months(1) }), [id]))))
    assert.deepStrictEqual(
      renewed.map(({ grants }) => grants).toSorted((a, b) => a - b),
      [0, 0, 1]
    )
    const { lots } = await run(getBalance(caller({ now: months(1) }), { client }))
    assert.deepStrictEqual(lotsOf(lots), ["included 100", "extra 3"])
  })

  it("posts what was missed in turn, with what rolls over", async () => {
    const { organization, caller } = await world()
    await run(plan(caller(), { terms: { rollover: { min: 0n, max: 30n * credit, renewals: 1 } } }))
    const client = await Client.create(pool, organization)
    const { id } = await run(subscribe(caller(), client))
    await run(consumeCredits(caller(), spend(client, 80n * credit)))
    assert.deepStrictEqual(await run(renewCredits(caller({ now: months(3) }), [id])), { grants: 3, refused: [] })
    assert.deepStrictEqual(
      (await renewals(client)).map(({ key }) => key),
      [0, 1, 2, 3].map((n) => `${id}:0:${n}`)
    )
    const { lots } = await run(getBalance(caller({ now: months(3) }), { client }))
    assert.deepStrictEqual(lotsOf(lots), ["included 30", "included 100"])
    const view = await read((db) => SubscriptionView.get(db, caller(), id))
    assert.strictEqual(Result.getOrThrow(view).nextCreditRenewalAt, months(4))
  })

  it("sets an allowance back at its own interval, and only its own lot", async () => {
    const { organization, caller } = await world()
    const promoAllowance = { amount: 10n * credit, interval: { unit: "day", count: 7 } } as const
    await run(plan(caller(), { terms: { promoAllowance } }))
    const client = await Client.create(pool, organization)
    const { id } = await run(subscribe(caller(), client))
    await run(consumeCredits(caller(), spend(client, 12n * credit)))
    const at = (now: number) => caller({ now })
    await run(renewCredits(at(start + 7 * day), [id]))
    await run(renewCredits(at(start + 8 * day), [id]))
    const { lots } = await run(getBalance(at(start + 8 * day), { client }))
    assert.deepStrictEqual(lotsOf(lots), ["promo 10", "included 98"])
    const { rows } = await pool.query("select next_credit_renewal_at as next from subscription where id = $1", [id])
    assert.deepStrictEqual(rows, [{ next: new Date(start + 14 * day) }])
  })

  it("two trees at once, of which one is suspended: that one is granted nothing", async () => {
    const { organization, caller } = await world()
    await run(plan(caller()))
    const root = await Client.create(pool, organization)
    const clients = [await Client.create(pool, organization), await Client.create(pool, organization, { parent: root })]
    const ids = []
    for (const client of clients) ids.push((await run(subscribe(caller(), client))).id)
    await run(suspendClient(caller(), { client: root, reason: null, note: null }))
    assert.deepStrictEqual(await run(renewCredits(caller({ now: months(2) }), ids)), { grants: 2, refused: [] })
    const counts = await Promise.all(clients.map(async (client) => (await renewals(client)).length))
    assert.deepStrictEqual(counts, [3, 1])
  })
})

describe("suspension stops every accrual of the subtree, and reactivation computes from present facts", () => {
  it("no grant while suspended; after it, the current one only, for the client and below it", async () => {
    const { organization, caller } = await world()
    await run(plan(caller(), { terms: { promoAllowance: { amount: credit, interval: month } } }))
    const root = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent: root })
    const [own, below] = [await run(subscribe(caller(), root)), await run(subscribe(caller(), child))]
    const ids = [own.id, below.id]
    await run(suspendClient(caller({ now: start + day }), { client: root, reason: null, note: null }))
    for (const n of [1, 2, 3])
      assert.deepStrictEqual(await run(renewCredits(caller({ now: months(n) }), ids)), { grants: 0, refused: [] })
    assert.deepStrictEqual((await renewals(root)).length + (await renewals(child)).length, 4)

    const now = months(4) + day
    assert.strictEqual((await run(reactivateClient(caller({ now }), { client: root }))).subscriptionStatus, "active")
    assert.deepStrictEqual(
      (await renewals(root)).map(({ key }) => key),
      [`${own.id}:0:0`, `${own.id}:allowance:0:0`, `${own.id}:0:4`, `${own.id}:allowance:0:4`]
    )
    assert.deepStrictEqual(await run(renewCredits(caller({ now }), ids)), { grants: 1, refused: [] })
    assert.deepStrictEqual(
      (await renewals(child)).map(({ key }) => key),
      [`${below.id}:0:0`, `${below.id}:allowance:0:0`, `${below.id}:0:4`, `${below.id}:allowance:0:4`]
    )
    for (const client of [root, child])
      assert.strictEqual((await run(getBalance(caller({ now }), { client }))).balance, 101n * credit)
  })

  it("within the period that was granted already, nothing is granted again", async () => {
    const { organization, caller } = await world()
    await run(plan(caller()))
    const client = await Client.create(pool, organization)
    const { id } = await run(subscribe(caller(), client))
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    await run(suspendClient(caller({ now: start + day }), { client, reason: null, note: null }))
    await run(reactivateClient(caller({ now: start + 2 * day }), { client }))
    assert.deepStrictEqual(await run(renewCredits(caller({ now: start + 2 * day }), [id])), { grants: 0, refused: [] })
    assert.strictEqual((await run(getBalance(caller({ now: start + 2 * day }), { client }))).balance, 90n * credit)
  })
})
