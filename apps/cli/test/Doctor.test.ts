import {
  approveRaise,
  captureHold,
  connectGateway,
  consumeCredits,
  createClient,
  createCreditPack,
  createOrganization,
  createSubscription,
  grantCredits,
  moveClient,
  type PaymentGateway,
  publishPlan,
  purchaseCredits,
  reactivateClient,
  refundOrder,
  releaseHold,
  removeCap,
  requestRaise,
  reserveCredits,
  resetWindow,
  reverseDebit,
  setCap,
  setUpMethod,
  suspendClient
} from "@capstan/billing"
import { Calendar, type CreditPack, Credits, Currency, Money, Rate } from "@capstan/domain"
import { Payments } from "@capstan/payments"
import { type Caller, Database, Doctor, Trees } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime } from "effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { print } from "../src/doctor.ts"

let clone: TestDatabase.Clone

/** A history with something of everything that is recomputed. */
beforeAll(async () => {
  clone = await TestDatabase.clone()
  const runtime = ManagedRuntime.make(
    Layer.merge(Trees.Trees.layer(clone.url), Payments.layer("a secret of the installation, for tests")).pipe(
      Layer.provideMerge(Database.Database.layer(clone.url, { max: 4 }))
    )
  )
  const run = <A, E>(effect: Effect.Effect<A, E, Database.Database | PaymentGateway.PaymentGateway | Trees.Trees>) =>
    runtime.runPromise(effect)
  const currency = Currency.Currency.make("USD")
  const timeZone = Calendar.Zone.make("Europe/Zurich")
  let at = Date.UTC(2026, 0, 31, 12)
  let keys = 0
  const organization = await run(
    createOrganization({ name: "Test", mode: "sandbox", currency, timeZone, settings: {}, at })
  )
  const caller = (): Caller => ({
    organization: organization.id,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now: (at += 1_000),
    key: `key-${++keys}`,
    ifMatch: null
  })
  const spend = { feature: null, allowPartial: false, effectiveAt: null }
  const enroll = async (externalId: string, parent: string | null, usesParentBalance = false) => {
    const more = { name: externalId, email: null, currency: null, timeZone: null, usesParentBalance }
    await run(
      createClient(caller(), { externalId, parent, ...more, overdraftLimit: 0n, metadata: {}, onboarded: true })
    )
    return `ext:${externalId}`
  }
  const credits = Credits.parse
  const grant = (client: string, amount: string) =>
    run(
      grantCredits(caller(), {
        client,
        kind: "extra",
        amount: credits(amount),
        effectiveAt: null,
        expiresAt: null,
        priority: 0,
        unitCost: { amount: Rate.parse("1"), currency },
        source: "grant",
        features: null
      })
    )
  const cap = (client: string, limit: bigint) =>
    run(
      setCap(caller(), {
        client,
        name: "month",
        limit: { amount: Money.Minor.make(limit), currency },
        every: "month",
        scope: "all",
        enforcement: "hard",
        thresholds: [50]
      })
    )
  const consume = (client: string, amount: string) =>
    run(consumeCredits(caller(), { client, amount: credits(amount), ...spend }))
  const reserve = (client: string, amount: string) =>
    run(
      reserveCredits(caller(), {
        client,
        amount: credits(amount),
        expiresIn: 3_600_000,
        feature: null,
        allowPartial: false
      })
    )

  await run(
    publishPlan(caller(), {
      key: "plan",
      name: "Plan",
      price: Money.Minor.make(0n),
      terms: {
        currency,
        interval: { unit: "month", count: 1 },
        creditInterval: { unit: "month", count: 1 },
        credits: credits("100"),
        creditValue: Rate.parse("0.5"),
        rollover: null,
        overage: null,
        unlimited: false,
        trial: null,
        promoAllowance: null,
        seats: 1
      }
    })
  )
  /** A cap of a member whose window is reset, and one that is removed while it holds something. */
  const confined = async () => {
    const other = await enroll("other", null)
    await grant(other, "100")
    const of = { client: other, every: "month", scope: "extra", enforcement: "hard", thresholds: [] } as const
    const limit = { amount: Money.Minor.make(10n), currency }
    await run(setCap(caller(), { ...of, name: "ann", member: "ann", limit }))
    await run(setCap(caller(), { ...of, name: "gone", limit }))
    const debit = { client: other, amount: credits("8"), ...spend }
    const held = await reserve(other, "2")
    await run(consumeCredits(caller(), { ...debit, member: "ann" }))
    await run(removeCap(caller(), { client: other, name: "gone" }))
    await run(resetWindow(caller(), { client: other, name: "ann" }))
    await run(consumeCredits(caller(), { ...debit, member: "ann" }))
    await run(consumeCredits(caller(), debit))
    await run(captureHold(caller(), { hold: held.entry.hold ?? "", amount: null, feature: null, allowPartial: false }))
  }
  /** Credits that are bought, and refunded in part. */
  const sold = async () => {
    const buyer = await enroll("buyer", null)
    await run(connectGateway(caller(), { gateway: "sandbox", name: null, secret: null }))
    const method = { client: buyer, connection: null, reference: "sandbox_succeed", isDefault: false }
    await run(setUpMethod(caller(), method))
    const pack = { key: "small", name: "Small", price: 1_000n as CreditPack.Draft["price"], currency, lasts: null }
    await run(createCreditPack(caller(), { ...pack, credits: credits("100") }))
    const input = { client: buyer, pack: "small", quantity: 1, method: null }
    const { order } = await run(purchaseCredits(caller(), input))
    await run(
      refundOrder(caller(), {
        order: order.id,
        amount: { amount: Money.Minor.make(400n), currency: order.currency },
        policy: "owe"
      })
    )
  }
  const root = await enroll("root", null)
  const own = await enroll("own", root)
  const shared = await enroll("shared", root, true)
  await run(createSubscription(caller(), { client: root, plan: "plan", seats: undefined, trial: undefined }))
  await grant(root, "1000")
  await grant(own, "500")
  await cap(root, 900n)
  await cap(own, 300n)
  const { entry } = await consume(own, "100")
  await consume(shared, "150.000001")
  const held = await reserve(own, "40")
  const given = await reserve(shared, "20")
  await reserve(own, "30")
  await run(suspendClient(caller(), { client: root, reason: null, note: null }))
  await run(
    captureHold(caller(), { hold: held.entry.hold ?? "", amount: credits("15"), feature: null, allowPartial: false })
  )
  await run(reactivateClient(caller(), { client: root }))
  await run(releaseHold(caller(), { hold: given.entry.hold ?? "" }))
  await run(reverseDebit(caller(), { entry, amount: credits("10") }))
  const higher = { client: own, cap: "month", limit: { amount: Money.Minor.make(310n), currency }, note: null }
  const asked = await run(requestRaise({ ...caller(), reach: entry.client }, higher))
  await run(approveRaise(caller(), asked.id))
  await cap(own, 50n)
  await cap(own, 400n)
  await consume(own, "120")
  // One that moves away from who pays, with two holds: one ends in both trees, the other is open in both.
  const elsewhere = await enroll("elsewhere", null)
  const mover = await enroll("mover", root, true)
  await cap(mover, 300n)
  const cut = await reserve(mover, "5")
  await reserve(mover, "6")
  await run(moveClient(caller(), { client: mover, parent: elsewhere }))
  await run(releaseHold(caller(), { hold: cut.entry.hold ?? "" }))
  await confined()
  await sold()
  await runtime.dispose()
})
afterAll(() => clone.drop())

/** What the doctor says of a copy of that history into which something was written behind the gate's back. */
const examined = async (corruption: string): Promise<ReadonlyArray<Doctor.Finding>> => {
  const history = new URL(clone.url).pathname.slice(1)
  const name = `${history}_copy`
  const outside = TestDatabase.pool()
  // A database that is copied may not be in use.
  await outside.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [history])
  await outside.query(`create database ${name} template ${history}`)
  const database = Database.connect(Object.assign(new URL(clone.url), { pathname: `/${name}` }).href, { max: 2 })
  try {
    const done = [await database.pool.query(corruption)].flat()
    assert.notStrictEqual(done.at(-1)?.rowCount, 0, "nothing was corrupted")
    return await Doctor.examine(database)
  } finally {
    await database.close()
    await outside.query(`drop database ${name} with (force)`)
    await outside.end()
  }
}

it("finds nothing in a ledger that the gate wrote, and looks at every law", async () => {
  const report = await examined("select")
  const differences = report.filter(({ differences }) => differences > 0)
  assert.deepStrictEqual(differences, [], print(report))
  for (const { name, checked } of report) assert.isAbove(checked, 0, name)
})

const external = (id: string) => `(select id from client where external_id = '${id}')`

const corruptions: ReadonlyArray<readonly [what: string, sql: string, breaks: ReadonlyArray<Doctor.Name>]> = [
  [
    "a limit that was lower than the log says",
    `update event set payload = replace(payload::text, '"limit":"400"', '"limit":"200"')::json where kind = 'cap.set'`,
    ["limits", "capLog"]
  ],
  ["a limit raised in its row", `update cap set limit_cost = limit_cost + 1 where name = 'month'`, ["capLog"]],
  [
    "an approved raise that set nothing",
    `delete from event where kind = 'cap.set' and payload->>'raise' is not null`,
    ["raises"]
  ],
  [
    "a debit that a member's cap should not count",
    `update entry set member = 'bob' where member = 'ann'`,
    ["counting"]
  ],
  [
    "a debit in a window that was over",
    `update event set payload = jsonb_set(payload::jsonb, '{start}', to_jsonb((payload->>'start')::bigint - 2500))::json
      where kind = 'cap.window_reset'`,
    ["counting"]
  ],
  ["a window that forgot a millionth", `update cap_window set used = used - 1`, ["windows"]],
  [
    "a window that is gone",
    `delete from cap_window where cap_id = (select min(cap_id::text)::uuid from cap_window)`,
    ["windows", "pinned"]
  ],
  [
    "a debit that does not count",
    `update entry set counts = null where kind = 'Debited' and seq = (select max(seq) from entry where kind = 'Debited')
      and client_id = ${external("own")}`,
    ["counting", "windows"]
  ],
  [
    "a debit under the key of another",
    `alter table entry drop constraint entry_organization_id_client_id_namespace_key_key;
     update entry set key = 'again' where kind = 'Reserved' and client_id = ${external("own")}`,
    ["keys"]
  ],
  ["an entry that is gone", `delete from entry where kind = 'Reversed'`, ["sequence", "balances", "replay", "windows"]],
  [
    "the last entry gone",
    `delete from entry e where client_id = ${external("own")} and seq = (select seq from wallet w where w.client_id = e.payer_id)`,
    ["sequence", "replay", "windows"]
  ],
  [
    "an entry after the last",
    `update wallet set seq = seq - 1 where client_id = ${external("own")}`,
    ["sequence", "replay", "windows"]
  ],
  ["an entry of a stranger", `update entry set client_id = gen_random_uuid() where kind = 'Reversed'`, ["owners"]],
  [
    "a wallet that is gone",
    `delete from wallet where client_id = ${external("own")}`,
    ["owners", "windows", "settled", "pinned"]
  ],
  [
    "a lot that grew",
    `update wallet set remainders = replace(remainders::text, '[["', '[["1')::json where client_id = ${external("own")}`,
    ["replay"]
  ],
  ["a balance that was answered wrong", `update entry set balance = balance + 1 where kind = 'Reversed'`, ["balances"]],
  ["an amount that is not its portions", `update entry set amount = amount + 1 where kind = 'Debited'`, ["amounts"]],
  ["an order that comes to more than its lines", `update billing_order set total = total + 1`, ["totals", "paid"]],
  ["a payment that is said to be declined", `update payment set status = 'declined'`, ["paid", "provider"]],
  ["an order that granted less than its line", `update order_line set credits = credits + 1`, ["granted"]],
  ["a grant for no order", `update entry set key = gen_random_uuid() where namespace = 'order'`, ["granted"]],
  ["a refund of less than went back", `update payment_reversal set amount = amount - 1`, ["reversed", "provider"]],
  ["credits that are said to be owed", `update payment_reversal set owed = owed + 1`, ["revoked"]],
  ["a charge that nobody made", `delete from sandbox_charge`, ["provider"]],
  [
    "a period moved by an hour",
    `update subscription set state = replace(state::text, '"periodEnd":"2026-02-28T12', '"periodEnd":"2026-02-28T13')::json`,
    ["periods"]
  ],
  ["a hold that pins more than it reserved", `update hold set amount = amount + 1 where outcome is null`, ["settled"]],
  ["an open hold that is gone", `delete from hold where outcome is null`, ["pinned", "settled"]],
  [
    "a hold settled without an entry",
    `update hold set outcome = 'released', captured = 0, settled_at = now() where outcome is null`,
    ["pinned", "settled"]
  ],
  [
    "a hold said to be released that was captured",
    `update hold set outcome = 'released' where outcome = 'captured'`,
    ["settled"]
  ],
  [
    "a hold settled by two entries",
    `update entry set hold_id = (select id from hold where outcome = 'captured' limit 1) where kind = 'Released'`,
    ["settled"]
  ],
  [
    "a half that has ended otherwise",
    `update hold set outcome = 'captured', captured = 1 where cut_by is not null and outcome is not null`,
    ["halves", "settled"]
  ],
  ["a half that is gone", `delete from hold where cut_by is not null and outcome is null`, ["pinned"]],
  [
    "a client that stands elsewhere than its parent",
    `update client set path = '{}' where external_id = 'shared'`,
    ["places", "payers"]
  ],
  [
    "a payer who is not of record",
    `update payer_of_record set payer_id = client_id where client_id = ${external("shared")}`,
    ["payers"]
  ],
  [
    "a debit under a suspension",
    `update entry set at = (select at + interval '1 ms' from event where kind = 'client.suspended')
      where kind = 'Debited' and client_id = ${external("shared")}`,
    ["suspended"]
  ],
  [
    "a suspension lifted behind the log's back",
    `delete from event where kind = 'client.reactivated'`,
    ["suspended", "suspensions"]
  ]
]

describe("finds", () => {
  for (const [what, sql, breaks] of corruptions)
    it(`${what}`, async () => {
      const report = await examined(sql)
      const found = report.flatMap(({ name, differences }) => (differences > 0 ? [name] : []))
      assert.sameMembers(found, [...breaks], print(report))
    })
})
