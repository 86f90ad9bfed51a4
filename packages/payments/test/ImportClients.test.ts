/** Clients that are brought over from elsewhere, with what they have. */
import {
  consumeCredits,
  createClient,
  getBalance,
  importClients,
  publishPlan,
  renewCredits,
  runDue
} from "@capstan/billing"
import { type Currency, type Id, Money, type Plan, Rate } from "@capstan/domain"
import { type Caller, ClientView } from "@capstan/store"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { charged, credit, isWell, orders } from "./Selling.ts"
import { database, day, pool, refusal, run, start, world } from "./World.ts"

type Items = Parameters<typeof importClients>[1]["items"]
type Item = Items[number]

const usd = "USD" as Currency.Currency
const month = { unit: "month", count: 1 } as const

const item = (over: Partial<Item> = {}): Item => ({
  externalId: null,
  parent: null,
  name: "Acme",
  email: null,
  currency: null,
  timeZone: null,
  metadata: {},
  usesParentBalance: false,
  overdraftLimit: 0n,
  onboarded: true,
  suspended: false,
  subscription: null,
  lots: [],
  paymentMethods: [],
  ...over
})

const { suspended: _suspended, subscription: _none, lots: _lots, paymentMethods: _methods, ...fresh } = item()

const plan = (caller: Caller, terms: Partial<Plan.Terms> = {}) =>
  run(
    publishPlan(caller, {
      key: "pro",
      name: "Pro",
      price: Money.Minor.make(0n),
      terms: {
        currency: usd,
        interval: month,
        creditInterval: month,
        credits: 100n * credit,
        creditValue: Rate.zero,
        rollover: null,
        overage: null,
        unlimited: false,
        trial: null,
        promoAllowance: null,
        seats: 3,
        ...terms
      }
    })
  )

/** Since the tenth of January, paid until the tenth of March. */
const anchor = Date.UTC(2026, 0, 10)
const paidUntil = Date.UTC(2026, 2, 10)
const subscription = { plan: "pro", seats: 7, anchor, paidUntil, trialEndsAt: null }
const lot = { kind: "included", amount: 30n * credit, expiresAt: null, unitCost: null, source: "import" } as const

const rowsOf = async (organization: string) => {
  const { rows } = await pool.query<{ rows: string }>(
    `select (select count(*) from client where organization_id = $1) || ' clients, ' ||
       (select count(*) from subscription where organization_id = $1) || ' subscriptions, ' ||
       (select count(*) from entry where organization_id = $1) || ' entries, ' ||
       (select count(*) from payment_method where organization_id = $1) || ' methods, ' ||
       (select count(*) from billing_order where organization_id = $1) || ' orders, ' ||
       (select count(*) from event where organization_id = $1 and client_id is not null) || ' events' as rows`,
    [organization]
  )
  return rows[0]?.rows
}

const shown = (outcomes: ReadonlyArray<Result.Result<{ readonly client: { readonly name: string } }, object>>) =>
  outcomes.map((outcome) =>
    Result.isSuccess(outcome)
      ? outcome.success.client.name
      : "reason" in outcome.failure
        ? outcome.failure.reason
        : "_tag" in outcome.failure && outcome.failure._tag
  )

describe("importClients", () => {
  it("a client has what it had: its period, its credits, its method; nothing is charged or granted for the running period", async () => {
    const { caller, organization } = await world()
    await plan(caller(), { promoAllowance: { amount: 5n * credit, interval: month } })
    const brought = await run(
      importClients(caller(), {
        dryRun: false,
        items: [
          item({
            externalId: "acme",
            subscription,
            lots: [
              lot,
              {
                ...lot,
                kind: "extra",
                unitCost: { amount: Rate.of(5n, 1n), currency: usd },
                expiresAt: start + 90 * day
              }
            ],
            paymentMethods: [
              { connection: null, reference: "sandbox_succeed.a", isDefault: false },
              { connection: null, reference: "sandbox_succeed.b", isDefault: true }
            ]
          })
        ]
      })
    )
    const [outcome] = brought
    if (outcome === undefined || Result.isFailure(outcome)) return assert.fail(JSON.stringify(shown(brought)))
    const { client, subscription: held } = outcome.success
    assert.deepInclude(client, { externalId: "acme", status: "active", subscriptionStatus: "active" })
    assert.deepInclude(held, {
      seats: 7,
      status: "active",
      currentPeriodStart: Date.UTC(2026, 1, 10),
      currentPeriodEnd: paidUntil,
      nextCreditRenewalAt: paidUntil
    })
    const balance = async (now: number) =>
      (await run(getBalance(caller({ now }), { client: client.id }))).balance / credit
    // Looked at again, also by the worker, before the next grant: there is no other.
    await run(renewCredits(caller({ now: start + day }), [held?.id ?? ""]))
    await run(runDue(organization.id, paidUntil - 1))
    assert.strictEqual(await balance(paidUntil - 1), 60n)
    await run(
      consumeCredits(caller({ now: start + day }), {
        client: client.id,
        amount: 10n * credit,
        feature: null,
        allowPartial: false,
        effectiveAt: null
      })
    )
    await run(runDue(organization.id, paidUntil))
    // What was included is replaced, the bought ones (of which ten were spent: they end first) stay, the allowance begins.
    assert.strictEqual(await balance(paidUntil), 125n)
    const { rows } = await pool.query("select is_default from payment_method where client_id = $1 order by reference", [
      client.id
    ])
    assert.deepStrictEqual(rows, [{ is_default: false }, { is_default: true }])
    assert.deepStrictEqual(await orders(organization.id), [])
    assert.deepInclude(await charged(organization.id), { charges: 0 })
    await isWell(organization.id)
  })

  it("items are refused for themselves, whole, and name what would do", async () => {
    const { caller, organization } = await world()
    await plan(caller())
    await run(importClients(caller(), { dryRun: false, items: [item({ externalId: "taken" })] }))
    const before = await rowsOf(organization.id)
    const items = [
      item({ externalId: "taken" }),
      item({ parent: "ext:nobody" }),
      item({ subscription: { ...subscription, plan: "nothing" } }),
      item({ subscription: { ...subscription, paidUntil: paidUntil + 1 } }),
      item({ subscription: { ...subscription, paidUntil: start - day } }),
      item({ onboarded: false, subscription }),
      item({ lots: [lot, { ...lot, expiresAt: start }] }),
      item({ lots: [lot], paymentMethods: [{ connection: null, reference: "4242424242424242", isDefault: true }] }),
      item({ lots: [{ ...lot, unitCost: { amount: Rate.zero, currency: "CHF" as Currency.Currency } }] })
    ]
    const refused = await run(importClients(caller(), { dryRun: false, items }))
    assert.deepStrictEqual(shown(refused), [
      "Taken",
      "NotFound",
      "NotFound",
      "not_a_period_end",
      "outside_range",
      "client_not_onboarded",
      "outside_range",
      "payment_method_rejected",
      "currency_differs"
    ])
    const [, , , ends] = refused
    assert.include(JSON.stringify(ends), "2026-03-10T00:00:00.000Z and 2026-04-10T00:00:00.000Z")
    assert.strictEqual(await rowsOf(organization.id), before)
    assert.deepInclude(await refusal(importClients(caller({ key: null }), { dryRun: false, items })), {
      _tag: "KeyMissing"
    })
    await isWell(organization.id)
  })

  it("a dry run says what would be, of parents in the same import too, and does nothing", async () => {
    const { caller, organization } = await world()
    await plan(caller())
    const items = [
      item({ externalId: "agency", name: "Agency", lots: [lot] }),
      item({ externalId: "clinic", name: "Clinic", parent: "ext:agency", subscription, lots: [lot] }),
      item({ externalId: "branch", name: "Branch", parent: "ext:clinic", usesParentBalance: true, suspended: true }),
      item({ externalId: "wrong", name: "Wrong", parent: "ext:agency", lots: [{ ...lot, expiresAt: start }] }),
      item({ name: "Orphan", parent: "ext:wrong" })
    ]
    const before = await rowsOf(organization.id)
    const asked = caller()
    const foretold = await run(importClients(asked, { dryRun: true, items }))
    assert.deepStrictEqual(shown(foretold), ["Agency", "Clinic", "Branch", "outside_range", "NotFound"])
    assert.strictEqual(await rowsOf(organization.id), before)
    const brought = await run(importClients(asked, { dryRun: false, items }))
    assert.deepStrictEqual(shown(brought), shown(foretold))
    const clients = (outcomes: typeof brought) =>
      outcomes.flatMap((outcome) => (Result.isSuccess(outcome) ? [outcome.success.client] : []))
    assert.deepStrictEqual(clients(brought), clients(foretold))
    assert.strictEqual(clients(brought)[2]?.status, "suspended")
    await isWell(organization.id)
  })

  it("a retry carries on where the first try broke off, and repeats nothing", async () => {
    const { caller, organization } = await world()
    await plan(caller())
    const items = [1, 2, 3].map((n) =>
      item({
        externalId: `client-${n}`,
        name: `Client ${n}`,
        subscription,
        lots: [lot],
        paymentMethods: [{ connection: null, reference: `sandbox_succeed.${n}`, isDefault: true }]
      })
    )
    const asked = caller()
    // Somebody has the external id of the last as yet.
    const other = await run(createClient(caller(), { ...fresh, externalId: "client-3" }))
    const some = await run(importClients(asked, { dryRun: false, items }))
    assert.deepStrictEqual(shown(some), ["Client 1", "Client 2", "Taken"])
    await pool.query("update client set external_id = null where id = $1", [other.id])
    const all = await run(importClients(asked, { dryRun: false, items }))
    assert.deepStrictEqual(shown(all), ["Client 1", "Client 2", "Client 3"])
    const before = await rowsOf(organization.id)
    const again = await Promise.all([1, 2].map(() => run(importClients(asked, { dryRun: false, items }))))
    for (const outcomes of again) assert.deepStrictEqual(outcomes, all)
    assert.strictEqual(await rowsOf(organization.id), before)
    for (const others of [[item({ name: "Other" })], items.slice(0, 2), [...items, item()]])
      assert.deepInclude(await refusal(importClients(asked, { dryRun: false, items: others })), { _tag: "KeyReused" })
    assert.strictEqual(await rowsOf(organization.id), before)
    await isWell(organization.id)
  })

  it("of two with one external id a dry run refuses the second, as the import does", async () => {
    const { caller, organization } = await world()
    const items = [
      item({ externalId: "agency", name: "Agency" }),
      item({ externalId: "twin", name: "First", parent: "ext:agency" }),
      item({ externalId: "twin", name: "Second" }),
      item({ externalId: "third", name: "Third", parent: "ext:twin" })
    ]
    const asked = caller()
    const before = await rowsOf(organization.id)
    const foretold = await run(importClients(asked, { dryRun: true, items }))
    assert.deepStrictEqual(shown(foretold), ["Agency", "First", "Taken", "Third"])
    assert.strictEqual(await rowsOf(organization.id), before)
    assert.deepStrictEqual(shown(await run(importClients(asked, { dryRun: false, items }))), shown(foretold))
  })

  it("one that the database cannot hold is refused for itself, however often it is tried", async () => {
    const { caller, organization } = await world()
    const items = [item({ name: "One" }), item({ name: "Two", email: "a\u0000b@example.com" }), item({ name: "Three" })]
    const asked = caller()
    for (const dryRun of [true, false, false])
      assert.deepStrictEqual(shown(await run(importClients(asked, { dryRun, items }))), [
        "One",
        "not_admissible",
        "Three"
      ])
    await isWell(organization.id)
  })

  it("a trial goes on until it ends, and a token that is confined imports nobody", async () => {
    const { caller, organization } = await world()
    await plan(caller())
    const trialEndsAt = start + 5 * day
    const [outcome] = await run(
      importClients(caller(), {
        dryRun: false,
        items: [item({ subscription: { ...subscription, paidUntil: null, trialEndsAt } })]
      })
    )
    const brought = outcome === undefined || Result.isFailure(outcome) ? null : outcome.success
    assert.deepInclude(brought?.subscription, { status: "trialing", trialEndsAt, currentPeriodEnd: trialEndsAt })
    const reach: Id.Id = brought?.client.id ?? ""
    assert.deepInclude(await refusal(importClients(caller({ reach }), { dryRun: true, items: [item()] })), {
      reason: "set_from_above"
    })
    await run(runDue(organization.id, trialEndsAt))
    const { db } = await database()
    const after = Result.getOrThrow(await ClientView.get(db, caller(), reach))
    assert.strictEqual(after.subscriptionStatus, "active")
    await run(createClient(caller(), { ...fresh, parent: reach, name: "Child" }))
    await isWell(organization.id)
  })
})
