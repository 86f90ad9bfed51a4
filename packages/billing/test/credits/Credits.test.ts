import {
  captureHold,
  checkCredits,
  consumeCredits,
  consumeMany,
  createSubscription,
  getBalance,
  reserveCredits,
  reverseDebit,
  setCap
} from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import { attempt, credit, day, grant, lotsOf, plan, pool, refusal, run, spend, start, world } from "../World.ts"

const Weight = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 1n, maximum: 1_000n }))
const usd = "USD" as Currency.Currency

describe("grantCredits", () => {
  it("adds a lot, once for a key; a later retry is answered, also when the lot has ended", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const given = { kind: "promo", expiresAt: start + day, priority: 3, features: ["chat"] } as const
    const first = await run(grant(caller({ key: "g" }), client, 5n * credit, given))
    assert.deepInclude(first, { replayed: false })
    assert.deepInclude(first.entry, {
      client,
      payer: client,
      seq: 1,
      amount: 5n * credit,
      balance: 5n * credit,
      key: "g"
    })
    const { lots, nextExpiry } = await run(getBalance(caller(), { client }))
    assert.strictEqual(lots.length, 1)
    assert.deepInclude(lots[0], {
      kind: "promo",
      left: 5n * credit,
      expiresAt: start + day,
      priority: 3,
      source: "grant"
    })
    assert.deepStrictEqual(nextExpiry, { at: start + day, amount: 5n * credit })
    const again = await run(grant(caller({ key: "g", now: start + 2 * day }), client, 5n * credit, given))
    assert.deepStrictEqual(again, { ...first, replayed: true })
    assert.deepStrictEqual(await refusal(grant(caller({ key: "g" }), client, 6n * credit, given)), {
      _tag: "KeyReused",
      key: "g"
    })
    const { rows } = await pool.query("select kind from event where client_id = $1", [client])
    assert.deepStrictEqual(rows, [{ kind: "credits.granted" }])
  })

  it("needs a key, the client's currency and an end ahead", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    assert.deepStrictEqual(await refusal(grant(caller({ key: null }), client, 1n)), { _tag: "KeyMissing" })
    const unitCost = { amount: Rate.of(1n, 3n), currency: "EUR" as Currency.Currency }
    assert.deepInclude(await refusal(grant(caller(), client, 1n, { unitCost })), { reason: "currency_differs" })
    assert.deepInclude(await refusal(grant(caller(), client, 1n, { expiresAt: start })), { _tag: "OutOfRange" })
    const { rows } = await pool.query("select 1 from entry where client_id = $1", [client])
    assert.deepStrictEqual(rows, [])
  })

  it("costs what the plan says a credit is worth, unless it says what was paid", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const dollar = Rate.of(100n, 1n)
    await run(plan(caller(), { terms: { creditValue: dollar, credits: 0n } }))
    await run(grant(caller(), client, credit))
    await run(createSubscription(caller(), { client, plan: "basic", seats: undefined, trial: undefined }))
    await run(grant(caller(), client, credit))
    await run(grant(caller(), client, credit, { unitCost: { amount: Rate.of(1n, 3n), currency: usd } }))
    const { lots } = await run(getBalance(caller(), { client }))
    assert.deepStrictEqual(
      lots.map(({ unitCost }) => unitCost),
      [Rate.zero, dollar, Rate.of(1n, 3n)]
    )
  })

  it("to a client that draws on its parent's balance goes there; its own lots sleep", async () => {
    const { organization, caller } = await world()
    const parent = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent })
    await run(grant(caller(), child, 2n * credit))
    await pool.query("update client set uses_parent_balance = true where id = $1", [child])
    await pool.query("update tree set stamp = gen_random_uuid() where root_id = $1", [parent])
    await run(grant(caller(), child, 7n * credit))
    const balance = await run(getBalance(caller(), { client: child }))
    assert.deepInclude(balance, { client: child, payer: parent, balance: 7n * credit, available: 7n * credit })
    assert.deepStrictEqual(lotsOf(balance.sleepingLots), ["extra 2"])
  })
})

describe("consumeMany", () => {
  it("answers each item for itself, those of a client in order", async () => {
    const { organization, caller } = await world()
    const [a, b] = [
      await Client.create(pool, organization, { externalId: "a" }),
      await Client.create(pool, organization)
    ]
    await run(grant(caller(), a, 10n * credit))
    const item = (client: string, amount: bigint, key: string) => ({ ...spend(client, amount), key })
    const results = await run(
      consumeMany(caller({ key: null }), [
        item("ext:a", 6n * credit, "1"),
        item(b, credit, "2"),
        item("ext:a", 6n * credit, "3"),
        item("ext:a", 4n * credit, "4"),
        item("ext:nobody", 1n, "5"),
        item("ext:a", 6n * credit, "1")
      ])
    )
    assert.deepStrictEqual(
      results.map((result) => (Result.isSuccess(result) ? result.success.entry.balance / credit : result.failure._tag)),
      [4n, "InsufficientCredits", "InsufficientCredits", 0n, "NotFound", 4n]
    )
  })
})

describe("checkCredits", () => {
  it("says what a debit would, and writes nothing", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    await run(grant(caller(), client, 10n * credit))
    const ask = (amount: bigint) => checkCredits(caller({ key: null }), { client, amount, feature: null })
    assert.deepInclude(await run(ask(10n * credit)), { refusal: null, available: 10n * credit })
    assert.deepInclude((await run(ask(11n * credit))).refusal, { _tag: "InsufficientCredits", missing: credit })
    const { rows } = await pool.query("select kind from entry where client_id = $1", [client])
    assert.deepStrictEqual(rows, [{ kind: "Granted" }])
  })
})

describe("reverseDebit", () => {
  const reverse = (
    caller: Caller,
    entry: { readonly payer: string; readonly seq: number },
    amount: bigint | null = null
  ) => reverseDebit(caller, { entry: { payer: entry.payer, seq: entry.seq }, amount })

  it("gives back to the lots it came from, last taken first, never more than was taken", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    await run(grant(caller(), client, 3n * credit, { kind: "promo" }))
    await run(grant(caller(), client, 5n * credit))
    const { entry } = await run(consumeCredits(caller(), spend(client, 6n * credit)))
    const first = await run(reverse(caller({ key: "r" }), entry, 4n * credit))
    assert.deepInclude(first.entry, { amount: 4n * credit, balance: 6n * credit })
    assert.deepStrictEqual(await run(reverse(caller({ key: "r" }), entry, 4n * credit)), { ...first, replayed: true })
    assert.deepStrictEqual(lotsOf((await run(getBalance(caller(), { client }))).lots), ["promo 1", "extra 5"])
    assert.deepStrictEqual(await refusal(reverse(caller(), entry, 3n * credit)), {
      _tag: "NotReversible",
      reversible: 2n * credit
    })
    await run(reverse(caller(), entry))
    assert.deepStrictEqual(lotsOf((await run(getBalance(caller(), { client }))).lots), ["promo 3", "extra 5"])
    assert.deepStrictEqual(await refusal(reverse(caller(), entry)), { _tag: "NotReversible", reversible: 0n })
  })

  it.effect.prop(
    "of any cutting into parts restores the wallet and the windows, to the last millionth",
    [Arbitrary.array(Arbitrary.schema(Weight), { minLength: 1, maxLength: 6 })],
    ([cutting]) =>
      Effect.promise(async () => {
        const { organization, caller } = await world()
        const client = await Client.create(pool, organization)
        for (const [every, scope] of [
          ["day", "extra"],
          ["lifetime", "all"]
        ] as const)
          await run(
            setCap(caller({ key: null }), {
              client,
              name: every,
              limit: { amount: Money.Minor.make(1_000_000n), currency: usd },
              every,
              scope,
              enforcement: "hard",
              thresholds: []
            })
          )
        await run(
          grant(caller(), client, 1_000_001n, { kind: "promo", unitCost: { amount: Rate.of(1n, 7n), currency: usd } })
        )
        await run(grant(caller(), client, 9_999_999n, { unitCost: { amount: Rate.of(1n, 3n), currency: usd } }))
        const before = await run(getBalance(caller(), { client }))
        const { entry } = await run(consumeCredits(caller(), spend(client, 7_654_321n)))
        const whole = cutting.reduce((sum, part) => sum + part, 0n)
        for (const part of cutting.slice(1)) await run(reverse(caller(), entry, (7_654_321n * part) / whole || 1n))
        await run(reverse(caller(), entry))
        const after = await run(getBalance(caller(), { client }))
        assert.deepStrictEqual(after, before)
        assert.deepStrictEqual(await refusal(reverse(caller(), entry)), { _tag: "NotReversible", reversible: 0n })
      }),
    { arbitrary: { runs: 12 } }
  )

  it("of a lot that is spent brings it back; of one that has ended makes a new one for thirty days, or lets it lapse", async () => {
    for (const [settings, back] of [
      [{}, ["extra 2", "extra 3"]],
      [{ reversedAfterEnd: "lapse" }, ["extra 3"]]
    ] as const) {
      const { organization, caller } = await world({ settings })
      const client = await Client.create(pool, organization)
      await run(grant(caller(), client, 2n * credit, { expiresAt: start + day }))
      await run(grant(caller(), client, 3n * credit))
      const { entry } = await run(consumeCredits(caller(), spend(client, 5n * credit)))
      const now = start + 2 * day
      await run(reverse(caller({ now }), entry))
      const { lots } = await run(getBalance(caller({ now }), { client }))
      assert.deepStrictEqual(lotsOf(lots), [...back])
      assert.deepStrictEqual(
        lots.map(({ source, expiresAt }) => [source, expiresAt]),
        [
          ["reversal", now + 30 * day],
          ["grant", null]
        ].slice(2 - back.length)
      )
    }
  })

  it("of a capture gives back what was captured, the excess too", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    await run(grant(caller(), client, 10n * credit))
    const hold = { client, amount: 4n * credit, feature: null, allowPartial: false, expiresIn: day }
    const reserved = await run(reserveCredits(caller(), hold))
    const settle = { hold: reserved.entry.hold ?? "", amount: 6n * credit, feature: null, allowPartial: false }
    const { entry } = await run(captureHold(caller(), settle))
    await run(reverse(caller(), entry))
    assert.deepInclude(await run(getBalance(caller(), { client })), { balance: 10n * credit, held: 0n })
  })

  it("of what took nothing, of another organization's, or out of reach, is refused", async () => {
    const [mine, other] = [await world(), await world()]
    const client = await Client.create(pool, mine.organization)
    const beside = await Client.create(pool, mine.organization)
    const { entry: granted } = await run(grant(mine.caller(), client, credit))
    const { entry: debit } = await run(consumeCredits(mine.caller(), spend(client, credit)))
    assert.deepStrictEqual(await refusal(reverse(mine.caller(), granted)), { _tag: "NotReversible", reversible: 0n })
    for (const [caller, seq] of [
      [other.caller(), debit.seq],
      [mine.caller({ reach: beside }), debit.seq],
      [mine.caller(), 77]
    ] as const)
      assert.deepStrictEqual(await refusal(reverse(caller, { payer: client, seq })), {
        _tag: "NotFound",
        what: "entry",
        id: `${client}.${seq}`
      })
    assert.deepStrictEqual(await refusal(reverse(mine.caller({ key: null }), debit)), { _tag: "KeyMissing" })
  })

  it("two at once for the whole of a debit give it back once", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    await run(grant(caller(), client, credit))
    const { entry } = await run(consumeCredits(caller(), spend(client, credit)))
    const results = await Promise.all([1, 2, 3].map(() => attempt(reverse(caller(), entry))))
    assert.strictEqual(results.filter(Result.isSuccess).length, 1)
    assert.strictEqual((await run(getBalance(caller(), { client }))).balance, credit)
  })
})
