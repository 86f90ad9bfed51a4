/** What reactivating comes to after each thing that may happen meanwhile: what is said beforehand is what is done. */
import { captureHold, consumeCredits, grantCredits, reactivateClient, reserveCredits, runDue } from "@capstan/billing"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { configure, spend } from "./Recharging.ts"
import { charged, credit, isWell, left, orders, pack } from "./Selling.ts"
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
  suspend,
  turnTo,
  year
} from "./Suspending.ts"
import { day, pool, run, start } from "./World.ts"

interface Case {
  readonly title: string
  readonly given: () => Promise<Scene>
  /** Between the subscription and the suspension. */
  readonly before?: (made: Scene) => Promise<unknown>
  readonly from?: number
  readonly now: number
  /** Of the subscription; what is charged, in minor units; where the grant that is posted starts. */
  readonly said: readonly [outcome: string, charge: number | null, grantFrom: number | null, next: number | null]
  readonly skipped?: readonly [periods: number, grants: number]
  readonly after: string
  /** The keys of all that was granted. */
  readonly granted: ReadonlyArray<string>
}

const trial = { unit: "day", count: 10 } as const
const onTrialEnd = (onTrialEndWithoutMethod: string) => () =>
  scene("sandbox_succeed", { trial }, { settings: { onTrialEndWithoutMethod } })
/** Where month n since the trial's end starts. */
const sinceTrial = (n: number) => months(n) + 10 * day

const fail = ({ id, subscription }: Scene) =>
  amend(id, subscription, { _tag: "FailPayment", at: start + day, grace: 7 * day }, start + day)

const newYork = (text: string) => Date.parse(text)

const cases: ReadonlyArray<Case> = [
  {
    title: "within the period: it goes on, and nothing is charged or granted again",
    given: () => scene(),
    now: start + 20 * day,
    said: ["resumes", null, null, months(1)],
    after: "active",
    granted: ["0:0"]
  },
  {
    title: "a period on: that one is charged, and its credits are granted",
    given: () => scene(),
    now: months(1),
    said: ["resumes", 2_900, months(1), months(2)],
    after: "active",
    granted: ["0:0", "0:1"]
  },
  {
    title: "five periods on: the current one alone",
    given: () => scene(),
    now: months(5) + 3 * day,
    said: ["resumes", 2_900, months(5), months(6)],
    skipped: [4, 4],
    after: "active",
    granted: ["0:0", "0:5"]
  },
  {
    title: "a yearly plan with monthly credits, within the year: nothing is charged, the current credits are granted",
    given: () => scene("sandbox_succeed", { interval: year }),
    now: months(5) + 3 * day,
    said: ["resumes", null, months(5), months(6)],
    skipped: [0, 4],
    after: "active",
    granted: ["0:0", "0:5"]
  },
  {
    title: "a yearly plan with monthly credits, in its third year: that year is charged",
    given: () => scene("sandbox_succeed", { interval: year }),
    now: months(26) + day,
    said: ["resumes", 2_900, months(26), months(27)],
    skipped: [1, 25],
    after: "active",
    granted: ["0:0", "0:26"]
  },
  {
    title: "a plan of a day, more than a hundred periods on, with nobody awake in between",
    given: () =>
      scene("sandbox_succeed", { interval: { unit: "day", count: 1 }, creditInterval: { unit: "day", count: 1 } }),
    from: start + 3_600_000,
    now: start + 400 * day,
    said: ["resumes", 2_900, start + 400 * day, start + 401 * day],
    skipped: [399, 399],
    after: "active",
    granted: ["0:0", "0:400"]
  },
  {
    title: "a trial that ended, where that cancels",
    given: onTrialEnd("cancel"),
    now: sinceTrial(2) + day,
    said: ["canceled", null, null, null],
    after: "canceled",
    granted: ["0:0"]
  },
  {
    title: "a trial that ended, where that suspends: its period is charged before it is served",
    given: onTrialEnd("suspend"),
    now: sinceTrial(2) + day,
    said: ["resumes", 2_900, sinceTrial(2), sinceTrial(3)],
    skipped: [2, 2],
    after: "active",
    granted: ["0:0", "1:2"]
  },
  {
    title: "a trial that ended, where that makes it past due",
    given: onTrialEnd("pastDue"),
    now: sinceTrial(0) + day,
    said: ["past_due", null, null, null],
    after: "past_due",
    granted: ["0:0"]
  },
  {
    title: "a trial that goes on",
    given: () => scene("sandbox_succeed", { trial: { unit: "day", count: 60 } }),
    now: months(1) + day,
    said: ["resumes", null, months(1), months(2)],
    after: "trialing",
    granted: ["0:0", "0:1"]
  },
  {
    title: "a cancel that was scheduled, and fired",
    given: () => scene(),
    before: ({ id, subscription }) =>
      amend(id, subscription, { _tag: "ScheduleCancel", at: start, reason: "unused", comment: null }, start),
    now: months(2),
    said: ["canceled", null, null, null],
    after: "canceled",
    granted: ["0:0"]
  },
  {
    title: "an unpaid order within its grace: past due as before",
    given: () => scene(),
    before: fail,
    now: start + 6 * day,
    said: ["past_due", null, null, null],
    after: "past_due",
    granted: ["0:0"]
  },
  {
    title: "an unpaid order, its grace over, periods later: past due, and nothing is charged beside it",
    given: () => scene(),
    before: fail,
    now: months(3),
    said: ["past_due", null, null, null],
    skipped: [2, 0],
    after: "past_due",
    granted: ["0:0"]
  },
  {
    title: "another plan that waited, and was applied: that one is charged and granted",
    given: () => scene(),
    before: async ({ id, subscription, caller }) => {
      const { id: next, terms } = await plan(caller(), { key: "max", price: 9_900n, credits: 500n * credit })
      const { interval, creditInterval } = terms
      const change = { _tag: "Plan", terms: { plan: next, free: false, interval, creditInterval } } as const
      await amend(id, subscription, { _tag: "ScheduleChange", at: start, change }, start)
    },
    now: months(1) + day,
    said: ["resumes", 9_900, months(1), months(2)],
    after: "active",
    granted: ["0:0", "0:1"]
  },
  {
    title: "a free plan: nothing is charged, the current credits are granted",
    given: () => scene("sandbox_succeed", { price: 0n }),
    now: months(3) + day,
    said: ["resumes", null, months(3), months(4)],
    skipped: [2, 2],
    after: "active",
    granted: ["0:0", "0:3"]
  },
  {
    title: "a pause of its own: it stays paused, and nothing is charged",
    given: () => scene(),
    before: ({ id, subscription }) =>
      amend(id, subscription, { _tag: "Pause", at: start + day, resumesAt: null }, start),
    from: start + 2 * day,
    now: months(2),
    said: ["unserved", null, null, null],
    skipped: [1, 0],
    after: "paused",
    granted: ["0:0"]
  },
  {
    title: "a pause that ended: its period is charged before it is served",
    given: () => scene(),
    before: ({ id, subscription }) =>
      amend(id, subscription, { _tag: "Pause", at: start + day, resumesAt: months(1) + day }, start),
    from: start + 2 * day,
    now: months(2) + day,
    said: ["resumes", 2_900, months(2), months(3)],
    skipped: [1, 1],
    after: "active",
    granted: ["0:0", "0:2"]
  },
  {
    title: "the end of January, over a change of clocks: periods are those of its zone",
    given: () =>
      scene("sandbox_succeed", {}, { timeZone: "America/New_York", from: newYork("2026-01-31T10:00:00-05:00") }),
    from: newYork("2026-02-10T00:00:00Z"),
    now: newYork("2026-04-30T13:59:59Z"),
    said: ["resumes", 2_900, newYork("2026-03-31T10:00:00-04:00"), newYork("2026-04-30T10:00:00-04:00")],
    skipped: [1, 1],
    after: "active",
    granted: ["0:0", "0:2"]
  }
]

describe("a reactivation says what it comes to, and comes to that", () => {
  for (const { title, given, before, from = start + 2 * day, now, said, skipped = [0, 0], after, granted } of cases)
    for (const awake of [true, false])
      it(`${title}${awake ? "" : ", all at once"}`, async () => {
        const made = await given()
        const { id, client, subscription } = made
        await before?.(made)
        await suspend(made, client, from)
        if (awake && !title.includes("nobody awake")) await turnTo(made, now)
        const told = await preview(made, client, now)
        const [outcome, charge, grantFrom, next] = said
        assert.deepStrictEqual(
          {
            outcome: told.subscription?.outcome,
            charge: told.charge === null ? null : Number(told.charge.amount),
            grantFrom: told.subscription?.grant?.from ?? null,
            next: told.subscription?.nextCreditRenewalAt ?? null,
            skipped: [told.subscription?.skipped.periods, told.subscription?.skipped.grants]
          },
          { outcome, charge, grantFrom, next, skipped: [...skipped] }
        )
        const answered = await run(reactivateClient(made.at(now), { client, preview: told.preview }))
        assert.strictEqual(answered.subscriptionStatus, after)
        assert.strictEqual(answered.subscriptionStatus, told.subscription?.status)
        await turnTo(made, now)
        const { charges, amount } = await charged(id)
        assert.deepStrictEqual([charges, amount], charge === null ? [0, 0n] : [1, BigInt(charge)])
        assert.deepStrictEqual(await renewals(id, client), granted)
        const state = await stateOf(id, subscription)
        assert.deepStrictEqual(
          [state.periodStart, state.periodEnd],
          [told.subscription?.periodStart, told.subscription?.periodEnd]
        )
        if (grantFrom !== null)
          assert.strictEqual(
            (await statusOf(made, client, now)).included,
            (told.subscription?.grant?.credits ?? 0n) / credit
          )
        await isWell(id)
      })
})

describe("what is not of its own subscription", () => {
  const dunning = { cause: "dunning", by: "system", at: start, reason: "payment_failed", note: null }

  it("a client without a subscription is lifted, and nothing else", async () => {
    const made = await scene()
    const client = await Client.create(pool, made.organization)
    await suspend(made, client, start)
    const told = await preview(made, client, months(3))
    assert.deepInclude(told, { subscription: null, charge: null, served: 1 })
    assert.strictEqual((await run(reactivate(made, client, months(3)))).subscriptionStatus, "none")
  })

  it("another cause, or an ancestor's, stays, and what is not served is not charged", async () => {
    const made = await scene("sandbox_succeed", {}, {})
    const { id, organization, client: root } = made
    const child = await Client.create(pool, organization, { parent: root })
    await suspend(made, child, start + day)
    await suspend(made, root, start + 2 * day)
    const now = months(2) + day
    const told = await preview(made, child, now)
    assert.deepInclude(told, { status: "active", effectiveStatus: "suspended", served: 0, charge: null })
    assert.deepStrictEqual(told.suspendedBy, [{ client: root, causes: ["operator"] }])
    assert.strictEqual((await run(reactivate(made, child, now))).effectiveStatus, "suspended")

    await pool.query("update client set suspensions = (suspensions::jsonb || $2::jsonb)::json where id = $1", [
      root,
      JSON.stringify([dunning])
    ])
    const held = await preview(made, root, now)
    assert.deepInclude(held, { status: "suspended", served: 0, charge: null })
    assert.deepStrictEqual(held.suspendedBy, [{ client: root, causes: ["dunning"] }])
    assert.strictEqual(held.subscription?.outcome, "unserved")
    assert.strictEqual((await run(reactivate(made, root, now))).status, "suspended")
    assert.deepStrictEqual(await orders(id), [])
    assert.deepStrictEqual(await renewals(id, root), ["0:0"])
  })

  it("lots end and holds lapse meanwhile as ever; what was held may be captured", async () => {
    const made = await scene()
    const { id, client, at } = made
    const hold = { client, amount: 10n * credit, feature: null, allowPartial: false }
    const long = await run(reserveCredits(at(start), { ...hold, expiresIn: 30 * day }))
    await run(reserveCredits(at(start), { ...hold, expiresIn: day }))
    const extra = { kind: "extra", amount: 50n * credit, effectiveAt: null, priority: 0, unitCost: null } as const
    await run(grantCredits(at(start), { client, ...extra, expiresAt: start + 5 * day, source: "gift", features: null }))
    await suspend(made, client, start + 1)
    await turnTo(made, start + 6 * day)
    assert.strictEqual(await left(id, client), 90n)
    await run(
      captureHold(at(start + 7 * day), {
        hold: long.entry.hold ?? "",
        amount: null,
        feature: null,
        allowPartial: false
      })
    )
    assert.strictEqual(await left(id, client), 90n)
    await run(reactivate(made, client, start + 8 * day))
    assert.deepInclude(await statusOf(made, client, start + 8 * day), { status: "active", included: 90n })
    await run(
      consumeCredits(at(start + 8 * day), {
        client,
        amount: 90n * credit,
        feature: null,
        allowPartial: false,
        effectiveAt: null
      })
    )
    await isWell(id)
  })

  it("auto-recharge stands still under a suspension, and is armed again by its end", async () => {
    const made = await scene()
    const { id, client, at } = made
    await pack(at(start))
    await run(configure(at(start), client))
    await run(spend(at(start), client, 95))
    await suspend(made, client, start)
    await turnTo(made, start + 5 * day)
    assert.deepStrictEqual(await orders(id), [])
    await run(reactivate(made, client, start + 6 * day))
    await run(runDue(id, start + 6 * day))
    assert.deepStrictEqual(await orders(id), ["auto_recharge paid 1000: succeeded"])
    assert.strictEqual(await left(id, client), 105n)
    await isWell(id)
  })
})
