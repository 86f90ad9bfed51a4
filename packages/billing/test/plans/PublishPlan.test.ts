import { createOrganization } from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { Organizations, Plans } from "@capstan/store"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, plan, pool, read, refusal, run, start, utc, world } from "../World.ts"

describe("publishPlan", () => {
  it("adds a version and changes none, once for a key", async () => {
    const { organization, caller } = await world()
    const terms = {
      creditValue: Rate.of(1n, 3n),
      overage: Rate.of(7n, 2n),
      rollover: { min: 0n, max: 5n * credit, renewals: 2 },
      promoAllowance: { amount: credit, interval: { unit: "week", count: 1 } }
    } as const
    const first = await run(plan(caller({ key: "p" }), { price: 900n, terms }))
    assert.deepInclude(first, { key: "basic", version: 1, price: Money.Minor.make(900n), createdAt: start })
    assert.deepStrictEqual(await run(plan(caller({ key: "p" }), { price: 900n, terms })), first)
    assert.deepStrictEqual(await refusal(plan(caller({ key: "p" }), { price: 901n, terms })), {
      _tag: "KeyReused",
      key: "p"
    })
    const second = await run(plan(caller()))
    assert.strictEqual(second.version, 2)
    const kept = await read(async (db) => Result.succeed(await Plans.byIds(db, organization.id, [first.id, second.id])))
    assert.deepStrictEqual(
      [...Result.getOrThrow(kept).values()].sort((a, b) => a.version - b.version),
      [first, second]
    )
    const { rows } = await pool.query("select kind, client_id from event where organization_id = $1", [organization.id])
    assert.deepStrictEqual(rows, Array(2).fill({ kind: "plan.published", client_id: null }))
  })

  it("many at once have numbers of their own", async () => {
    const { organization, caller } = await world()
    const versions = await Promise.all(Array.from({ length: 6 }, async () => (await run(plan(caller()))).version))
    assert.deepStrictEqual(
      versions.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6]
    )
    const latest = await read(async (db) => Result.succeed(await Plans.latest(db, organization.id, "basic")))
    assert.strictEqual(Result.getOrThrow(latest)?.version, 6)
  })
})

describe("createOrganization", () => {
  it("makes a tenant whose clients and plans are its own", async () => {
    const made = await run(
      createOrganization({
        name: "Agency",
        mode: "sandbox",
        currency: "CHF" as Currency.Currency,
        timeZone: utc,
        settings: { onTrialEndWithoutMethod: "pastDue" },
        at: start
      })
    )
    assert.deepStrictEqual(
      Result.getOrThrow(await read(async (db) => Result.succeed(await Organizations.get(db, made.id)))),
      { ...made, version: 1n }
    )
    assert.deepStrictEqual(made.settings, { ...Organizations.defaults, onTrialEndWithoutMethod: "pastDue" })
  })
})
