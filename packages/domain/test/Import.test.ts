import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Calendar, Decider, Subscription } from "../src/index.ts"

const day = 86_400_000
const terms = {
  plan: "00000000-0000-4000-8000-000000000001",
  free: false,
  interval: { unit: "month", count: 1 },
  creditInterval: { unit: "month", count: 1 }
} as const
const zone = Calendar.Zone.make("Europe/Zurich")
const at = Date.UTC(2026, 2, 10)
const begin = { _tag: "Import", at, client: "active", terms, seats: 3, zone, trialEndsAt: null } as const

const imports = Arbitrary.map(
  Arbitrary.all({
    unit: Arbitrary.schema(Schema.Literals(["week", "month", "year"])),
    count: Arbitrary.schema(Schema.Literals([1, 2, 3])),
    credits: Arbitrary.schema(Schema.Literals(["week", "month", "none"])),
    zone: Arbitrary.schema(Calendar.Zone),
    // From years ago to a little ahead.
    anchor: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -4_000, maximum: 6 }))),
    hour: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 23 })))
  }),
  ({ unit, count, credits, zone, anchor, hour }) => ({
    ...begin,
    zone,
    anchor: at + anchor * day + hour * 3_600_000,
    paidUntil: null,
    terms: {
      ...terms,
      interval: { unit, count },
      creditInterval: credits === "none" ? null : { unit: credits, count: 1 }
    }
  })
)

const stateOf = (command: Subscription.Command): Subscription.Running => {
  const decided = Subscription.decide(null, command)
  const state = Result.isSuccess(decided) ? Decider.replay(Subscription, decided.success, null) : null
  return Subscription.isRunning(state) ? state : assert.fail("not running")
}

const refusal = (command: Subscription.Command) =>
  Result.match(Subscription.decide(null, command), { onSuccess: () => null, onFailure: (failure) => failure })

describe("Subscription: imported", () => {
  it.prop(
    "its period is that of the anchor which holds the instant, and periods go on tiling time",
    [imports],
    ([command]) => {
      let state = stateOf(command)
      assert.isTrue(state.periodStart <= at && at < state.periodEnd)
      for (let turns = 0; turns < 6; turns++) {
        const { start, end } = Calendar.period(command.anchor, command.terms.interval, command.zone, state.index)
        assert.deepStrictEqual([state.periodStart, state.periodEnd], [start, end])
        const decided = Subscription.decide(state, { _tag: "RenewMoney", at: end, client: "active" })
        const events = Result.isSuccess(decided) ? decided.success : []
        const next = Decider.replay(Subscription, events, state)
        if (!Subscription.isRunning(next)) return assert.fail("not running")
        assert.deepStrictEqual([next.periodStart, next.index, next.charged], [end, state.index + 1, true])
        state = next
      }
    }
  )

  it.prop(
    "nothing is charged or granted before the running period ends, or the next grant begins",
    [imports],
    ([command]) => {
      const state = stateOf(command)
      const grant = Subscription.nextGrant(state)
      assert.isTrue(state.charged && state.status === "active")
      assert.isTrue(grant === null || grant.start > at)
      const due = Subscription.due("active", state)
      assert.strictEqual(due?.at, Math.min(state.periodEnd, grant?.start ?? state.periodEnd))
    }
  )

  it.prop("replaying gives the state, which survives its encoding", [imports], ([command]) => {
    const state = stateOf(command)
    const row = Schema.toCodecJson(Subscription.State)
    assert.deepStrictEqual(Schema.decodeSync(row)(Schema.encodeSync(row)(state)), state)
  })

  it.prop(
    "paid until the end of the running period is taken, anything else is refused with ends that are",
    [imports],
    ([command]) => {
      const { periodEnd } = stateOf(command)
      assert.isNull(refusal({ ...command, paidUntil: periodEnd }))
      for (const paidUntil of [periodEnd + 1, periodEnd + 40 * day]) {
        const refused = refusal({ ...command, paidUntil })
        if (refused?._tag !== "NotPeriodEnd") return assert.fail(refused?._tag)
        for (const end of refused.nearest) {
          const n = Calendar.indexAt(command.anchor, command.terms.interval, command.zone, end)
          assert.strictEqual(Calendar.boundary(command.anchor, command.terms.interval, command.zone, n), end)
        }
      }
    }
  )

  it("the 31st comes back after February", () => {
    const state = stateOf({ ...begin, anchor: Date.UTC(2025, 0, 30, 23), paidUntil: Date.UTC(2026, 2, 30, 22) })
    assert.deepStrictEqual([state.index, state.periodStart], [13, Date.UTC(2026, 1, 27, 23)])
  })

  it("a trial ends when it is said, and is charged then", () => {
    const trialEndsAt = at + 5 * day
    const state = stateOf({ ...begin, anchor: at - 9 * day, paidUntil: null, trialEndsAt })
    assert.deepInclude(state, { status: "trialing", trialEndsAt, periodEnd: trialEndsAt, charged: false, nextGrant: 1 })
    assert.deepStrictEqual(Subscription.due("active", state), { command: "EndTrial", at: trialEndsAt })
  })

  it("what is over, what lies too far ahead, and a client who has not begun are refused", () => {
    const anchor = Date.UTC(2026, 2, 5)
    assert.deepStrictEqual(refusal({ ...begin, anchor, paidUntil: at }), { _tag: "InThePast", at })
    assert.strictEqual(refusal({ ...begin, anchor: at + 90 * day, paidUntil: null })?._tag, "AnchorAhead")
    const early = { ...begin, client: "pending_onboarding", anchor, paidUntil: null } as const
    assert.deepStrictEqual(refusal(early), { _tag: "ClientNotActive", client: "pending_onboarding" })
    const running = stateOf({ ...begin, anchor, paidUntil: null })
    assert.isTrue(Result.isFailure(Subscription.decide(running, { ...begin, anchor, paidUntil: null })))
  })
})
