import { applyNotice, drivePayment, reactivateClient, refundOrder, runDue } from "@capstan/billing"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Sandbox } from "../src/index.ts"
import { ailments, charged, events, isWell, orders } from "./Selling.ts"
import {
  amend,
  months,
  plan,
  preview,
  reactivate,
  renewals,
  type Scene,
  scene,
  stateOf,
  statusOf,
  subscribe,
  suspend,
  turnTo
} from "./Suspending.ts"
import { attempt, database, day, payer, payments, pool, refusal, run, start } from "./World.ts"

/** Suspended from the tenth of March, and the tenth of June is today. */
const lapsed = async (behaviour?: string, now = months(3) + 9 * day): Promise<Scene & { readonly now: number }> => {
  const made = await scene(behaviour)
  await suspend(made, made.client, start + 9 * day)
  await turnTo(made, now)
  return { ...made, now }
}

/** Whoever pays does what was asked of them. */
const confirm = async ({ id, client }: Scene): Promise<void> => {
  const { db } = await database()
  const { rows } = await pool.query<{ reference: string }>("select reference from payment where client_id = $1", [
    client
  ])
  await Sandbox.confirm({ db }, id, rows[0]?.reference ?? "")
}

const once = { charges: 1, amount: 2_900n, back: 0n }

describe("a reactivation of a client whose period has lapsed", () => {
  it("charges the current period and no other, lifts and serves, all at once", async () => {
    const made = await lapsed()
    const { id, client, now, subscription } = made
    const said = await preview(made, client, now)
    assert.deepInclude(said, { status: "active", effectiveStatus: "active", suspendedBy: [], served: 1 })
    assert.deepInclude(said.subscription, {
      id: subscription,
      outcome: "resumes",
      status: "active",
      periodStart: months(3),
      periodEnd: months(4),
      grant: { credits: 100_000_000n, from: months(3) },
      nextCreditRenewalAt: months(4),
      skipped: { periods: 2, grants: 2 }
    })
    const [line] = said.charge?.lines ?? []
    assert.deepStrictEqual(
      [
        said.charge?.payer,
        Number(said.charge?.amount),
        `${said.charge?.currency}`,
        line?.description,
        Number(line?.amount)
      ],
      [client, 2_900, "USD", "Pro, 2026-06-01 until 2026-07-01", 2_900]
    )
    assert.deepInclude(said.charge?.method, { id: made.method, brand: "visa", last4: "4242" })

    const by = made.at(now)
    const confirmed = { client, preview: said.preview }
    const done = await run(reactivateClient(by, confirmed))
    assert.deepInclude(done, { status: "active", subscriptionStatus: "active" })
    assert.deepStrictEqual(await run(reactivateClient({ ...by, now: now + day }, confirmed)), done)
    assert.deepStrictEqual(await charged(id), once)
    assert.deepStrictEqual(await orders(id), ["subscription_cycle paid 2900: succeeded"])
    assert.deepStrictEqual(await renewals(id, client), ["0:0", "0:3"])
    assert.isTrue((await stateOf(id, subscription)).charged)
    await isWell(id)
  })

  it("is refused where what was confirmed has changed, and charges nothing", async () => {
    const made = await lapsed()
    const { id, client, now, at } = made
    const { preview: name, expiresAt } = await preview(made, client, now)
    const stale = { _tag: "NotAdmissible", reason: "preview_stale" } as const
    const confirmed = (when: number, named = name) => reactivateClient(at(when), { client, preview: named })
    assert.deepInclude(await refusal(confirmed(expiresAt)), stale)
    assert.deepInclude(await refusal(confirmed(now, "rp_zzzzzzzzz_00")), stale)
    await pool.query("update payment_method set last4 = '1111' where id = $1", [made.method])
    assert.deepInclude(await refusal(confirmed(now + 1)), stale)
    const again = await preview(made, client, months(4) - 1)
    assert.deepInclude(await refusal(confirmed(months(4), again.preview)), stale)
    assert.strictEqual((await charged(id)).charges, 0)
    await run(confirmed(months(4) - 1, (await preview(made, client, months(4) - 2)).preview))
    assert.deepStrictEqual(await charged(id), once)
    await isWell(id)
  })

  it("that is declined leaves it suspended and owes nothing; the next try is charged once", async () => {
    const made = await lapsed("sandbox_decline_funds_1_then_succeed")
    const { id, client, now, method } = made
    assert.deepInclude(await refusal(reactivate(made, client, now, "r")), { _tag: "PaymentFailed", reason: "funds" })
    assert.deepInclude(await statusOf(made, client, now), { status: "suspended", included: 100n })
    assert.deepStrictEqual(await orders(id), ["subscription_cycle void 2900: declined"])
    assert.deepInclude(await refusal(reactivate(made, client, now, "r")), { reason: "payment_method_inactive" })
    await pool.query("update payment_method set inactive = false where id = $1", [method])
    await run(reactivate(made, client, now, "r"))
    assert.deepStrictEqual(await orders(id), [
      "subscription_cycle void 2900: declined",
      "subscription_cycle paid 2900: succeeded"
    ])
    assert.deepStrictEqual(await charged(id), once)
    await isWell(id)
  })

  it("whose charge was not answered is found out, by a retry or by the worker, and charged once", async () => {
    for (const behaviour of [
      "sandbox_timeout_after_charging_then_succeed",
      "sandbox_timeout_before_charging_then_succeed"
    ])
      for (const by of ["same", "other", "worker"] as const) {
        const made = await lapsed(behaviour)
        const { id, client, now } = made
        assert.deepInclude(await refusal(reactivate(made, client, now, "r")), { _tag: "OutcomeUnknown" })
        assert.deepInclude(await statusOf(made, client, now), { status: "suspended" })
        await isWell(id)
        if (by === "worker") assert.strictEqual((await turnTo(made, now + 60_000)).payment, 1)
        else await run(reactivate(made, client, now + 1_000, by === "same" ? "r" : "s"))
        assert.deepInclude(await statusOf(made, client, now), { status: "active", subscriptionStatus: "active" })
        const answered = await run(reactivate(made, client, now + 70_000, by === "other" ? "s" : "r"))
        assert.strictEqual(answered.status, "active")
        assert.deepStrictEqual(await charged(id), once)
        assert.deepStrictEqual(await renewals(id, client), ["0:0", "0:3"])
        await isWell(id)
      }
  })

  it("that has to be confirmed says where, and is completed once it is, by whoever looks", async () => {
    const made = await lapsed("sandbox_decline_authentication")
    const { id, client, now } = made
    const asked = await refusal(reactivate(made, client, now, "r"))
    assert.strictEqual(asked._tag, "PaymentActionRequired")
    assert.deepInclude(await statusOf(made, client, now), { status: "suspended" })
    assert.deepInclude(await refusal(reactivate(made, client, now, "s")), { _tag: "PaymentActionRequired" })
    await confirm(made)
    await turnTo(made, now + 3_600_000)
    assert.deepInclude(await statusOf(made, client, now), { status: "active", subscriptionStatus: "active" })
    assert.strictEqual((await run(reactivate(made, client, now + 3_600_001, "r"))).status, "active")
    assert.deepStrictEqual(await charged(id), once)
    await isWell(id)
  })

  it("that nobody confirms stays as it was, and owes nothing", async () => {
    const made = await lapsed("sandbox_decline_authentication")
    const { id, client, now } = made
    await refusal(reactivate(made, client, now))
    await turnTo(made, now + 2 * day)
    assert.deepStrictEqual(await orders(id), ["subscription_cycle void 2900: declined"])
    assert.deepInclude(await statusOf(made, client, now), { status: "suspended" })
    assert.strictEqual((await charged(id)).charges, 0)
    await isWell(id)
  })

  it("by many at once is one, and charges once", async () => {
    const made = await lapsed("sandbox_slow_5")
    const { id, client, now } = made
    const keys = ["a", "b", "a", "c", "b", "a"]
    const all = await Promise.all(keys.map((key) => attempt(reactivate(made, client, now, key))))
    assert.isTrue(all.some(Result.isSuccess))
    for (const one of all)
      if (Result.isFailure(one)) assert.include(["NotSuspended", "OutcomeUnknown"], one.failure._tag)
    await turnTo(made, now + 60_000)
    assert.deepInclude(await statusOf(made, client, now), { status: "active" })
    assert.deepStrictEqual(await charged(id), once)
    assert.deepStrictEqual(await renewals(id, client), ["0:0", "0:3"])
    await isWell(id)
  })

  it("that was placed and then forgotten in a crash is completed by the worker", async () => {
    const made = await lapsed("sandbox_timeout_after_charging_then_succeed")
    const { id, client, now, at } = made
    await refusal(reactivate(made, client, now, "r"))
    // As if whoever charged had died before the answer: nothing but the intent tells of it.
    await pool.query("update payment set status = 'sent', unknown_at = null, due_at = $2 where client_id = $1", [
      client,
      new Date(now)
    ])
    const { rows } = await pool.query<{ id: string }>("select id from payment where client_id = $1", [client])
    await Promise.all([run(drivePayment(at(now), rows[0]?.id ?? "")), run(runDue(id, now))])
    assert.deepInclude(await statusOf(made, client, now), { status: "active" })
    assert.deepStrictEqual(await charged(id), once)
    await isWell(id)
  })

  it("needs a method, a provider that is there, and an amount that it charges", async () => {
    const made = await lapsed()
    const { id, client, now, connection } = made
    await pool.query("update payment_method set is_default = false where client_id = $1", [client])
    assert.isNull((await preview(made, client, now)).charge?.method)
    assert.deepInclude(await refusal(reactivate(made, client, now)), { reason: "payment_method_required" })
    await pool.query("update payment_method set is_default = true where client_id = $1", [client])
    const { rows } = await pool.query<{ secret: Buffer }>("select secret from gateway_connection where id = $1", [
      connection.id
    ])
    await pool.query("update gateway_connection set secret = 'x' where id = $1", [connection.id])
    assert.deepInclude(await refusal(reactivate(made, client, now)), { reason: "gateway_refused" })
    const { seal } = await payments()
    const unreachable = seal("sandbox_unreachable", [id, connection.id])
    await pool.query("update gateway_connection set secret = $2 where id = $1", [connection.id, unreachable])
    assert.deepInclude(await refusal(reactivate(made, client, now)), { _tag: "Upstream", upstream: "sandbox" })
    await pool.query("update gateway_connection set secret = $2 where id = $1", [connection.id, rows[0]?.secret])
    assert.deepStrictEqual(await orders(id), [])

    const little = await scene("sandbox_succeed", { price: 20n })
    await suspend(little, little.client, start)
    assert.deepInclude(await refusal(reactivate(little, little.client, months(2))), {
      reason: "below_provider_minimum"
    })
    assert.deepStrictEqual(await orders(little.id), [])
  })

  it("of a client that draws on another's balance is paid by that one, and not from below it", async () => {
    const made = await scene("sandbox_succeed", { credits: 0n, creditInterval: null })
    const { id, client: parent, at } = made
    const child = await Client.create(pool, made.organization, { parent, usesParentBalance: true })
    const grandchild = await Client.create(pool, made.organization, { parent: child, usesParentBalance: true })
    await subscribe(made, grandchild)
    await suspend(made, grandchild, start + day)
    const now = months(1)
    assert.strictEqual((await preview(made, grandchild, now)).charge?.payer, parent)
    const confined = { ...at(now), reach: child }
    assert.deepInclude(await refusal(reactivateClient(confined, { client: grandchild })), { reason: "set_from_above" })
    await run(reactivateClient({ ...at(now), reach: parent }, { client: grandchild }))
    assert.deepInclude(await statusOf(made, grandchild, now), { status: "active", subscriptionStatus: "active" })
    const { rows } = await pool.query("select client_id from billing_order where organization_id = $1", [id])
    assert.deepStrictEqual(rows, [{ client_id: parent }])
    await isWell(id)
  })
})

describe("money that comes when the period cannot be served any more goes back", () => {
  const hold = async ({ client, now }: Scene & { readonly now: number }) => {
    const dunning = { cause: "dunning", by: "system", at: now, reason: "payment_failed", note: null }
    await pool.query("update client set suspensions = (suspensions::jsonb || $2::jsonb)::json where id = $1", [
      client,
      JSON.stringify([dunning])
    ])
  }
  const cases: ReadonlyArray<readonly [string, (made: Scene & { readonly now: number }) => Promise<unknown>]> = [
    ["client_suspended", hold],
    [
      "client_closed",
      ({ client, now }) => pool.query("update client set closed_at = $2 where id = $1", [client, new Date(now)])
    ],
    ["period_over", (made) => turnTo(made, months(4) + 60_000)],
    [
      "subscription_canceled",
      ({ id, subscription, now }) =>
        amend(id, subscription, { _tag: "Revoke", at: now, reason: null, comment: null }, now)
    ],
    [
      "plan_changed",
      async ({ id, subscription, now, caller }) => {
        const { id: other, terms } = await plan(caller(), { key: "max", price: 9_900n })
        const { interval, creditInterval } = terms
        const change = { _tag: "Plan", terms: { plan: other, free: false, interval, creditInterval } } as const
        await amend(id, subscription, { _tag: "Change", at: now, client: "suspended", change }, now)
      }
    ]
  ]
  for (const [reason, meanwhile] of cases)
    it(`as ${reason} says`, async () => {
      const made = await lapsed("sandbox_decline_authentication", months(4) - 3_600_000)
      const { id, client, now } = made
      await refusal(reactivate(made, client, now, "r"))
      await meanwhile(made)
      await confirm(made)
      const later = months(4) + 2 * 3_600_000
      await turnTo(made, later)
      assert.deepStrictEqual(await orders(id), ["subscription_cycle refunded 2900: succeeded"])
      assert.deepStrictEqual(await charged(id), { charges: 1, amount: 2_900n, back: 2_900n })
      assert.deepInclude((await events(id, "client.not_reactivated"))[0], { reason })
      assert.deepStrictEqual(await renewals(id, client), ["0:0"])
      assert.notStrictEqual((await statusOf(made, client, later)).status, "active")
      const found = await ailments(id)
      // These rows were changed beside the event log, which the doctor says.
      assert.deepStrictEqual(
        new Set(found.map(({ name }) => name)),
        new Set(reason === "client_suspended" ? ["suspensions"] : [])
      )
    })
})

describe("what was paid for a period", () => {
  it("is refunded and charged back as any order is, and can be reactivated anew after another suspension", async () => {
    const made = await lapsed()
    const { id, client, now, at } = made
    await run(reactivate(made, client, now))
    const { rows } = await pool.query<{ id: string }>("select id from billing_order where organization_id = $1", [id])
    await run(refundOrder(at(now), { order: rows[0]?.id ?? "", amount: null, policy: "owe" }))
    assert.deepStrictEqual(await orders(id), ["subscription_cycle refunded 2900: succeeded"])
    await isWell(id)
    await suspend(made, client, now + day)
    assert.isNull((await preview(made, client, now + 2 * day)).charge)
    await run(reactivate(made, client, now + 2 * day))
    await suspend(made, client, now + 3 * day)
    await run(reactivate(made, client, months(5)))
    assert.strictEqual((await charged(id)).charges, 2)
    await isWell(id)
  })
})

describe("a bank that takes back what was paid for a period", () => {
  it("is heard once; nothing was granted for it, so nothing is owed", async () => {
    const made = await lapsed()
    const { id, client, now, at, connection, subscription } = made
    await run(reactivate(made, client, now))
    const { rows } = await pool.query<{ reference: string }>("select reference from payment where client_id = $1", [
      client
    ])
    const { headers, body } = await Sandbox.chargeBack(await database(), connection, rows[0]?.reference ?? "")
    const tell = () => run(applyNotice(at(now), { connection: connection.id, headers: new Headers(headers), body }))
    assert.deepStrictEqual([await tell(), await tell()], ["applied", "known"])
    assert.deepStrictEqual(await orders(id), ["subscription_cycle refunded 2900: succeeded"])
    assert.deepInclude((await events(id, "payment.charged_back"))[0], { amount: "2900", owed: "0" })
    assert.isTrue((await stateOf(id, subscription)).charged)
    assert.deepInclude(await statusOf(made, client, now), { status: "active", included: 100n })
    await isWell(id)
  })
})

describe("the doctor", () => {
  const given = async () => {
    const made = await lapsed()
    await run(reactivate(made, made.client, made.now))
    return made
  }
  it.each([
    [
      "a period that says it was not charged",
      "update subscription set state = (state::jsonb || '{\"charged\": false}')::json"
    ],
    ["money that nothing came of", "update billed_period set outcome = null"],
    ["money that is said to have gone back", "update billed_period set outcome = 'given_back', reason = 'period_over'"],
    ["an order that bills nothing", "delete from billed_period"]
  ])("finds %s", async (_, harm) => {
    const { id } = await given()
    await isWell(id)
    await pool.query(`${harm} where organization_id = $1`, [id])
    assert.deepStrictEqual([...new Set((await ailments(id)).map(({ name }) => name))], ["billed"])
  })
})

describe("a subtree that is served again", () => {
  it("is not served for nothing: what lapsed is past due until its payer has paid for it", async () => {
    const made = await scene("sandbox_succeed", { price: 0n })
    const { id, client: root } = made
    await plan(made.caller(), { key: "paid", price: 1_900n })
    const good = await payer(made, "sandbox_succeed", { parent: root })
    const bad = await payer(made, "sandbox_decline_funds", { parent: root })
    const poor = await Client.create(pool, made.organization, { parent: root })
    for (const client of [good.client, bad.client, poor]) await subscribe(made, client, "paid")
    await suspend(made, root, start + day)
    const now = months(2) + day
    await turnTo(made, now)
    assert.strictEqual((await preview(made, root, now)).served, 4)
    await run(reactivate(made, root, now))
    for (const client of [good.client, bad.client, poor])
      assert.deepInclude(await statusOf(made, client, now), { subscriptionStatus: "past_due" })
    await turnTo(made, now + 60_000)
    const after = async (client: string) => (await statusOf(made, client, now)).subscriptionStatus
    assert.deepStrictEqual(await Promise.all([good.client, bad.client, poor].map(after)), [
      "active",
      "past_due",
      "past_due"
    ])
    assert.deepStrictEqual((await orders(id)).toSorted(), [
      "subscription_cycle paid 1900: succeeded",
      "subscription_cycle pending 1900: ",
      "subscription_cycle pending 1900: declined"
    ])
    assert.deepStrictEqual(await renewals(id, good.client), ["0:0", "0:2"])
    assert.deepStrictEqual(await renewals(id, bad.client), ["0:0"])
    await isWell(id)
  })
})
