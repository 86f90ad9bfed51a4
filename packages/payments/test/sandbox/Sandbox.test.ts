/** The provider of sandboxes on a real Postgres: once for a key, and as its methods' names say. */
import type { PaymentGateway } from "@capstan/billing"
import { Currency, Money } from "@capstan/domain"
import { Database, Ids } from "@capstan/store"
import { Database as Test, Organization } from "@capstan/testing"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"

const pool = Test.pool()
const { db, close } = Database.connect(Test.url, { max: 8 })
afterAll(async () => {
  await close()
  await pool.end()
})

const gateway = Sandbox.open({ db }, { timeoutMs: 30 })
const USD = Currency.Currency.make("USD")
const minor = Money.Minor.make

const connect = async (): Promise<PaymentGateway.Connection> => ({
  organization: (await Organization.create(pool)).id,
  id: Ids.mint(),
  secret: gateway.makeSecret?.() ?? ""
})

const asking = (method: string, over: Partial<PaymentGateway.Charge> = {}): PaymentGateway.Charge => ({
  key: Ids.mint(),
  method,
  amount: minor(1_000n),
  currency: USD,
  description: "Credits",
  ...over
})

const chargesOf = async ({ organization }: PaymentGateway.Connection) =>
  (
    await pool.query<{ key: string; method: string; amount: bigint; refunded: bigint; outcome: { _tag: string } }>(
      "select key, method, amount, refunded, outcome from sandbox_charge where organization_id = $1",
      [organization]
    )
  ).rows

const succeeded = (outcome: PaymentGateway.Found): string => {
  if (outcome._tag !== "Succeeded") assert.fail(`It came to ${JSON.stringify(outcome)}`)
  return outcome.reference
}

describe("a charge", () => {
  it("asked for a hundred times at once with one key is made once, and everyone is told of that one", async () => {
    const connection = await connect()
    const charge = asking("sandbox_succeed")
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => gateway.charge(connection, charge)))
    const [first, ...others] = new Set(outcomes.map(succeeded))
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(await gateway.fetch(connection, charge.key), { _tag: "Succeeded", reference: first ?? "" })
    assert.strictEqual((await chargesOf(connection)).length, 1)
  })

  it("that is declined is declined for good under its key, and counts once", async () => {
    const connection = await connect()
    const charge = asking("sandbox_decline_funds_2_then_succeed")
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => gateway.charge(connection, charge)))
    for (const outcome of outcomes) assert.deepStrictEqual(outcome, outcomes[0])
    const again = async () => (await gateway.charge(connection, asking(charge.method)))._tag
    assert.deepStrictEqual([outcomes[0]?._tag, await again(), await again()], ["Declined", "Declined", "Succeeded"])
    assert.strictEqual((await gateway.fetch(connection, charge.key))._tag, "Declined")
  })

  it("is not made for another amount, currency or method under the key of the first", async () => {
    const connection = await connect()
    const charge = asking("sandbox_succeed")
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, n) => gateway.charge(connection, { ...charge, amount: minor(1_000n + BigInt(n)) }))
    )
    assert.strictEqual(outcomes.filter(({ _tag }) => _tag === "Succeeded").length, 1)
    const [made] = await chargesOf(connection)
    for (const over of [
      { amount: minor(999n) },
      { currency: Currency.Currency.make("EUR") },
      { method: "sandbox_slow_1" }
    ]) {
      const other = { ...charge, amount: minor(made?.amount ?? 0n), ...over }
      assert.deepInclude(await gateway.charge(connection, other), { _tag: "Declined", code: "key_reused" })
    }
    assert.deepStrictEqual(await chargesOf(connection), made === undefined ? [] : [made])
  })

  it("is one of its organization: another has its own under the same key", async () => {
    const [mine, theirs] = [await connect(), await connect()]
    const charge = asking("sandbox_succeed")
    const references = [await gateway.charge(mine, charge), await gateway.charge(theirs, charge)].map(succeeded)
    assert.strictEqual(new Set(references).size, 2)
    const refunded = await gateway.refund(theirs, {
      key: "r",
      charge: references[0] ?? "",
      amount: minor(1n),
      currency: USD
    })
    assert.deepInclude(refunded, { _tag: "Declined", code: "no_such_charge" })
  })

  it("of less than the least is declined", async () => {
    const connection = await connect()
    const least = gateway.minimum(USD)
    const charge = (amount: bigint) => gateway.charge(connection, asking("sandbox_succeed", { amount: minor(amount) }))
    assert.deepInclude(await charge(least - 1n), { _tag: "Declined", code: "amount_too_small" })
    succeeded(await charge(least))
  })
})

const upTo = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most }))
const methods = [
  "sandbox_succeed",
  "sandbox_flaky_50_3",
  "sandbox_decline_then_succeed",
  "sandbox_timeout_after_charging"
]

/** What is asked, of few keys, amounts and methods, so that much of it clashes. */
const Request = Schema.Struct({ key: upTo(2), amount: upTo(1), method: upTo(3), isRefunded: Schema.Boolean })
const requests = Arbitrary.array(Arbitrary.schema(Request), { minLength: 1, maxLength: 24 })

it.effect.prop(
  "whatever is asked at once: of a key there is one charge, all who hear of it hear the same, and no more goes back",
  [requests],
  ([requests]) =>
    Effect.promise(async () => {
      const connection = await connect()
      const charges = requests.map(({ key, amount, method }) =>
        asking(methods[method] ?? "", { key: `${key}`, amount: minor(600n + BigInt(amount) * 400n) })
      )
      const outcomes = await Promise.all(charges.map((charge) => gateway.charge(connection, charge)))
      const made = await Promise.all(
        ["0", "1", "2"].map(async (key) => {
          const found = await gateway.fetch(connection, key)
          for (const [index, outcome] of outcomes.entries())
            if (
              charges[index]?.key === key &&
              outcome._tag !== "Unknown" &&
              !("code" in outcome && outcome.code === "key_reused")
            )
              assert.deepStrictEqual(outcome, found)
          return found
        })
      )
      await Promise.all(
        requests
          .filter(({ isRefunded }) => isRefunded)
          .map(async ({ key, amount }, index) => {
            const found = made[key]
            if (found?._tag !== "Succeeded") return null
            const refund = {
              key: `${index % 5}`,
              charge: found.reference,
              amount: minor(250n + BigInt(amount)),
              currency: USD
            }
            return gateway.refund(connection, refund)
          })
      )
      for (const { key, amount, refunded } of await chargesOf(connection)) {
        const { rows } = await pool.query<{ sum: bigint }>(
          `select coalesce(sum(r.amount), 0)::bigint as sum from sandbox_refund r join sandbox_charge c
             on c.organization_id = r.organization_id and c.reference = r.charge_reference
           where c.organization_id = $1 and c.key = $2`,
          [connection.organization, key]
        )
        assert.strictEqual(rows[0]?.sum, refunded)
        assert.isTrue(refunded <= amount)
      }
    }),
  { arbitrary: { runs: 25 } }
)

describe("a method behaves as its name says:", () => {
  const outcomeOf = async (method: string) => {
    const connection = await connect()
    const charge = asking(method)
    const answer = await gateway.charge(connection, charge)
    return { connection, charge, answer, found: await gateway.fetch(connection, charge.key) }
  }

  for (const of of ["funds", "temporary", "method", "final"] as const)
    it(`is declined for ${of}`, async () => {
      const { answer, found } = await outcomeOf(`sandbox_decline_${of}`)
      assert.deepInclude(answer, { _tag: "Declined", class: of })
      assert.deepStrictEqual(found, answer)
    })

  it("wants to be confirmed, and is charged once it was", async () => {
    const { connection, charge, answer, found } = await outcomeOf("sandbox_decline_authentication")
    assert.deepStrictEqual(found, answer)
    if (answer._tag !== "ActionRequired") assert.fail(answer._tag)
    assert.isTrue(URL.canParse(answer.url))
    const refund = { key: "early", charge: answer.reference, amount: minor(1n), currency: USD }
    assert.deepInclude(await gateway.refund(connection, refund), { _tag: "Declined", code: "not_charged" })
    await Sandbox.confirm({ db }, connection.organization, answer.reference)
    assert.strictEqual(succeeded(await gateway.fetch(connection, charge.key)), answer.reference)
    assert.strictEqual(succeeded(await gateway.charge(connection, charge)), answer.reference)
  })

  it("is charged, and nobody hears of it but by the key", async () => {
    const { connection, charge, answer, found } = await outcomeOf("sandbox_timeout_after_charging")
    assert.deepStrictEqual(answer, { _tag: "Unknown" })
    succeeded(found)
    assert.deepStrictEqual(await gateway.charge(connection, charge), { _tag: "Unknown" })
    assert.strictEqual((await chargesOf(connection)).length, 1)
  })

  it("is not charged, and nobody hears of that", async () => {
    const { connection, charge, answer, found } = await outcomeOf("sandbox_timeout_before_charging")
    assert.deepStrictEqual([answer._tag, found._tag], ["Unknown", "Absent"])
    assert.deepStrictEqual(await gateway.charge(connection, charge), { _tag: "Unknown" })
    assert.deepStrictEqual(await chargesOf(connection), [])
  })

  it("is not charged the first time, and then is", async () => {
    const { connection, charge, answer, found } = await outcomeOf("sandbox_timeout_before_charging_then_succeed")
    assert.deepStrictEqual([answer._tag, found._tag], ["Unknown", "Absent"])
    succeeded(await gateway.charge(connection, charge))
  })

  it("is slow; slower than is waited for, it is charged unheard", async () => {
    succeeded((await outcomeOf("sandbox_slow_5")).answer)
    const { answer, found } = await outcomeOf("sandbox_slow_60000")
    assert.deepStrictEqual(answer, { _tag: "Unknown" })
    succeeded(found)
  })

  it("is flaky: asked until it is known, each key is charged once, and every run goes the same way", async () => {
    const story = async () => {
      const connection = await connect()
      const heard: Array<string> = []
      for (let n = 0; n < 40; n++) {
        const charge = asking("sandbox_flaky_60_5", { key: `flaky-${n}` })
        for (;;) {
          const answer = await gateway.charge(connection, charge)
          const found = await gateway.fetch(connection, charge.key)
          heard.push(`${answer._tag} ${found._tag}`)
          if (answer._tag === "Succeeded") break
        }
      }
      assert.strictEqual((await chargesOf(connection)).length, 40)
      return heard
    }
    const heard = await story()
    assert.includeMembers(heard, ["Unknown Absent", "Unknown Succeeded", "Succeeded Succeeded"])
    assert.deepStrictEqual(await story(), heard)
  })

  it("is none of the sandbox's", async () => {
    const { answer, found } = await outcomeOf("pm_card_visa")
    assert.deepInclude(answer, { _tag: "Declined", class: "method", code: "no_such_method" })
    assert.strictEqual(found._tag, "Absent")
  })
})

describe("a refund", () => {
  const charged = async (method = "sandbox_succeed") => {
    const connection = await connect()
    const charge = asking(method)
    await gateway.charge(connection, charge)
    return { connection, charge: succeeded(await gateway.fetch(connection, charge.key)) }
  }
  const refunding = (charge: string, amount: bigint, key: string = Ids.mint()) => ({
    key,
    charge,
    amount: minor(amount),
    currency: USD
  })

  it("asked for often at once with one key is made once", async () => {
    const { connection, charge } = await charged()
    const refund = refunding(charge, 300n)
    assert.strictEqual((await gateway.fetchRefund(connection, refund.key))._tag, "Absent")
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => gateway.refund(connection, refund)))
    const references = new Set(outcomes.map(succeeded))
    assert.strictEqual(references.size, 1)
    assert.isTrue(references.has(succeeded(await gateway.fetchRefund(connection, refund.key))))
    assert.strictEqual((await chargesOf(connection))[0]?.refunded, 300n)
    assert.deepInclude(await gateway.refund(connection, { ...refund, amount: minor(299n) }), { code: "key_reused" })
  })

  it("never gives back more than was charged, whatever is asked for at once", async () => {
    const { connection, charge } = await charged()
    const outcomes = await Promise.all(
      Array.from({ length: 25 }, (_, n) => gateway.refund(connection, refunding(charge, BigInt(70 + n))))
    )
    const [row] = await chargesOf(connection)
    const refunded = outcomes.reduce((sum, { _tag }, n) => sum + (_tag === "Succeeded" ? BigInt(70 + n) : 0n), 0n)
    assert.strictEqual(row?.refunded, refunded)
    assert.isTrue(refunded <= 1_000n && refunded > 1_000n - 95n, `${refunded}`)
  })

  it("of a method that times out after charging is made, and nobody hears of it but by the key", async () => {
    const { connection, charge } = await charged("sandbox_timeout_after_charging")
    const refund = refunding(charge, 1_000n)
    assert.deepStrictEqual(await gateway.refund(connection, refund), { _tag: "Unknown" })
    succeeded(await gateway.fetchRefund(connection, refund.key))
  })

  it("of nothing, or in another currency, is declined", async () => {
    const { connection, charge } = await charged()
    const EUR = Currency.Currency.make("EUR")
    for (const refund of [refunding(charge, 0n), { ...refunding(charge, 1n), currency: EUR }])
      assert.deepInclude(await gateway.refund(connection, refund), { _tag: "Declined", code: "exceeds_charge" })
  })
})

describe("a chargeback", () => {
  it("is told of with all that was taken so far, never more than is left, and signed", async () => {
    const connection = await connect()
    const charge = asking("sandbox_succeed")
    const reference = succeeded(await gateway.charge(connection, charge))
    await gateway.refund(connection, { key: "r", charge: reference, amount: minor(200n), currency: USD })
    const told = async (amount: bigint | null) => {
      const signed = await Sandbox.chargeBack({ db }, connection, reference, amount === null ? null : minor(amount))
      const other = { ...connection, secret: gateway.makeSecret?.() ?? "" }
      assert.isNull(gateway.notice(other, new Headers(signed.headers), signed.body))
      const notice = gateway.notice(connection, new Headers(signed.headers), signed.body)
      return notice?._tag === "ChargedBack" ? [notice.charge, notice.amount] : notice
    }
    assert.deepStrictEqual(await told(300n), [reference, minor(300n)])
    assert.deepStrictEqual(await told(100n), [reference, minor(400n)])
    assert.deepStrictEqual(await told(null), [reference, minor(800n)])
    assert.deepStrictEqual(await told(1n), [reference, minor(800n)])
    const refund = { key: "late", charge: reference, amount: minor(1n), currency: USD }
    assert.deepInclude(await gateway.refund(connection, refund), { code: "exceeds_charge" })
  })
})

describe("a method", () => {
  it("is one of its own for each client that enters it, and the same each time", async () => {
    const connection = await connect()
    const [one, other] = [Ids.mint(), Ids.mint()]
    const entered = await gateway.attach(connection, one, "sandbox_succeed")
    assert.deepInclude(entered, { type: "card", brand: "visa", last4: "4242" })
    assert.deepStrictEqual(await gateway.attach(connection, one, "sandbox_succeed"), entered)
    assert.notDeepEqual(await gateway.attach(connection, other, "sandbox_succeed"), entered)
    assert.notDeepEqual(await gateway.attach(connection, one, "sandbox_succeed.second"), entered)
    assert.deepInclude(await gateway.attach(connection, other, "sandbox_succeed.second"), { _tag: "Rejected" })
  })

  it("that was set up is entered by its reference", async () => {
    const connection = await connect()
    const client = Ids.mint()
    const setUp = await gateway.setUp(connection, client, null)
    if ("_tag" in setUp) assert.fail(setUp._tag)
    assert.isTrue(setUp.clientSecret.startsWith(setUp.reference))
    assert.deepInclude(await gateway.attach(connection, client, setUp.reference), { reference: setUp.reference })
    assert.deepInclude(await gateway.attach(connection, Ids.mint(), setUp.reference), { _tag: "Rejected" })
  })

  it("that was detached is charged no more, until it is entered anew", async () => {
    const connection = await connect()
    const client = Ids.mint()
    const entered = await gateway.attach(connection, client, "sandbox_succeed")
    if ("_tag" in entered) assert.fail(entered._tag)
    const outcome = () => gateway.charge(connection, asking(entered.reference))
    succeeded(await outcome())
    await gateway.detach(connection, entered.reference)
    await gateway.detach(connection, entered.reference)
    assert.deepInclude(await outcome(), { _tag: "Declined", class: "method" })
    await gateway.attach(connection, client, "sandbox_succeed")
    succeeded(await outcome())
  })

  it("is not entered where its name says so, or says nothing", async () => {
    const connection = await connect()
    const attach = async (reference: string) => {
      const attached = await gateway.attach(connection, Ids.mint(), reference)
      return "_tag" in attached ? attached._tag : "entered"
    }
    assert.strictEqual(await attach("sandbox_attach_rejected"), "Rejected")
    assert.strictEqual(await attach("sandbox_attach_timeout"), "Unknown")
    assert.strictEqual(await attach("4242"), "Rejected")
  })
})

describe("a connection", () => {
  it("is taken with a secret of the sandbox, and with no other", async () => {
    const connection = await connect()
    const state = (secret: string) => gateway.state({ ...connection, secret })
    assert.strictEqual(await state(connection.secret), "ok")
    assert.strictEqual(await state("sk_live_1"), "refused")
    assert.strictEqual(await state("sandbox_unreachable"), "unreachable")
  })
})

it("the least that is charged is positive in every currency, and half of a main unit where none is known", () => {
  for (const code of Currency.codes) assert.isTrue(gateway.minimum(Currency.Currency.make(code)) > 0n, code)
  const least = (code: string) => gateway.minimum(Currency.Currency.make(code))
  assert.deepStrictEqual(
    ["USD", "EUR", "GBP", "JPY", "KWD", "CLF"].map(least),
    [50n, 50n, 30n, 50n, 500n, 5000n].map((amount) => minor(amount))
  )
})
