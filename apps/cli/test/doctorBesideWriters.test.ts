import { setTimeout } from "node:timers/promises"
import {
  captureHold,
  consumeCredits,
  createClient,
  createOrganization,
  grantCredits,
  PaymentGateway,
  reactivateClient,
  reserveCredits,
  setCap,
  suspendClient
} from "@capstan/billing"
import { Calendar, Credits, Currency, Money, Rate } from "@capstan/domain"
import { type Caller, Database, Doctor, Trees } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { assert, it } from "vitest"
import { print } from "../src/doctor.ts"

const nothingToPayWith = Layer.succeed(PaymentGateway.PaymentGateway, {
  gateways: {},
  seal: () => Buffer.alloc(0),
  unseal: () => ""
})

it("finds nothing while debits, holds, caps and suspensions go on", async () => {
  const clone = await TestDatabase.clone()
  const runtime = ManagedRuntime.make(
    Layer.merge(Trees.Trees.layer(clone.url), nothingToPayWith).pipe(
      Layer.provideMerge(Database.Database.layer(clone.url, { max: 8 }))
    )
  )
  type Needs = Database.Database | PaymentGateway.PaymentGateway | Trees.Trees
  const run = <A, E>(effect: Effect.Effect<A, E, Needs>) => runtime.runPromise(Effect.result(effect))
  const done = async <A, E>(effect: Effect.Effect<A, E, Needs>) => Result.getOrThrow(await run(effect))
  const currency = Currency.Currency.make("USD")
  const timeZone = Calendar.Zone.make("UTC")
  const { id: organization } = await done(
    createOrganization({ name: "Test", mode: "sandbox", currency, timeZone, settings: {}, at: Date.now() })
  )
  let keys = 0
  const caller = (): Caller => ({
    organization,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now: Date.now(),
    key: `${++keys}`,
    ifMatch: null
  })
  const terms = { email: null, currency: null, timeZone: null, usesParentBalance: false, overdraftLimit: 0n }
  for (const [externalId, parent] of [
    ["root", null],
    ["one", "ext:root"],
    ["two", "ext:root"]
  ] as const) {
    await done(
      createClient(caller(), { externalId, parent, name: externalId, ...terms, metadata: {}, onboarded: true })
    )
    const lot = {
      kind: "extra",
      amount: Credits.parse("1000000"),
      effectiveAt: null,
      expiresAt: null,
      priority: 0
    } as const
    const unitCost = { amount: Rate.parse("1"), currency }
    await done(
      grantCredits(caller(), { client: `ext:${externalId}`, ...lot, unitCost, source: "test", features: null })
    )
  }
  const cap = (limit: bigint) =>
    run(
      setCap(caller(), {
        client: "ext:root",
        name: "month",
        limit: { amount: Money.Minor.make(limit), currency },
        every: "month",
        scope: "all",
        enforcement: "hard",
        thresholds: [50]
      })
    )
  await cap(100n)

  let writing = true
  let posted = 0
  const spend = { amount: Credits.parse("1"), feature: null, allowPartial: false }
  const writers = ["ext:one", "ext:two", "ext:one", "ext:two"].map(async (client, i) => {
    while (writing) {
      const consumed = await run(consumeCredits(caller(), { client, ...spend, effectiveAt: null }))
      if (Result.isSuccess(consumed)) posted += 1
      if (i > 1) continue
      const held = await run(reserveCredits(caller(), { client, ...spend, expiresIn: 60_000 }))
      if (Result.isSuccess(held)) await run(captureHold(caller(), { hold: held.success.entry.hold ?? "", ...spend }))
    }
  })
  const operator = async () => {
    for (let limit = 200n; writing; limit = limit === 2_000n ? 200n : limit + 200n) {
      await cap(limit)
      await setTimeout(20)
      await run(suspendClient(caller(), { client: "ext:root", reason: null, note: null }))
      await run(reactivateClient(caller(), { client: "ext:root" }))
    }
  }
  const operating = operator()
  const database = Database.connect(clone.url, { max: 2 })
  try {
    for (let looks = 0; looks < 5 || posted < 200; looks++) {
      const report = await Doctor.examine(database)
      const differences = report.filter(({ differences }) => differences > 0)
      assert.deepStrictEqual(differences, [], print(report))
    }
  } finally {
    writing = false
    await Promise.all([...writers, operating])
    await database.close()
    await runtime.dispose()
    await clone.drop()
  }
})
