import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Payment } from "../src/index.ts"

const Step = Schema.Struct({
  wait: Schema.Literals([0, 1, 1_000, 60_000, 86_400_000]),
  does: Schema.Union([Schema.Literal("send"), Payment.Outcome])
})
const histories = Arbitrary.array(Arbitrary.schema(Step), { maxLength: 20 })

const play = (steps: ReadonlyArray<typeof Step.Type>) => {
  const events: Array<Payment.Event> = []
  const turns: Array<{ readonly before: Payment.State; readonly at: number; readonly after: Payment.State }> = []
  let state = Payment.intended(0)
  let at = 0
  for (const { wait, does } of steps) {
    at += wait
    const before = state
    for (const event of Payment.decide(
      state,
      does === "send" ? { _tag: "Send", at } : { _tag: "Learn", outcome: does, at }
    )) {
      events.push(event)
      state = Payment.evolve(state, event)
    }
    turns.push({ before, at, after: state })
  }
  return { events, turns, state }
}

describe("Payment", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([steps]) => {
    const { events, state } = play(steps)
    assert.deepStrictEqual(events.reduce(Payment.evolve, Payment.intended(0)), state)
  })

  it.prop("events and states survive their JSON encoding", [histories], ([steps]) => {
    const { events, state } = play(steps)
    const json = <A>(value: A): unknown => JSON.parse(JSON.stringify(value))
    const log = Schema.toCodecJson(Schema.Array(Payment.Event))
    const row = Schema.toCodecJson(Payment.State)
    assert.deepStrictEqual(Schema.decodeUnknownSync(log)(json(Schema.encodeSync(log)(events))), events)
    assert.deepStrictEqual(Schema.decodeUnknownSync(row)(json(Schema.encodeSync(row)(state))), state)
  })

  it.prop("what is settled stays as it is, whatever is said or asked after it", [histories], ([steps]) => {
    for (const { before, after } of play(steps).turns)
      if (Payment.isSettled(before)) assert.deepStrictEqual(after, before)
  })

  it.prop(
    "what is not settled is due again, in an hour or a twenty-fourth of its age at the latest; what is settled never",
    [histories],
    ([steps]) => {
      for (const { at, before, after } of play(steps).turns) {
        if (Payment.isSettled(after)) assert.strictEqual(after.dueAt, null)
        else if (after === before) continue
        else assert.isTrue(after.dueAt !== null && after.dueAt > at && after.dueAt <= at + Math.max(3_600_000, at / 24))
      }
    }
  )

  it.prop(
    "whoever has to confirm it has a day for that from when they were first told, and none once it is settled",
    [histories],
    ([steps]) => {
      let first: number | null = null
      for (const { before, at, after } of play(steps).turns) {
        if (after.status === "action_required" && before.status !== "action_required") first ??= at
        const until = Payment.actionUntil(after)
        assert.strictEqual(until, first === null || Payment.isSettled(after) ? null : first + 86_400_000)
      }
    }
  )

  it.prop("that it is not known is told of once", [histories], ([steps]) => {
    const { events } = play(steps)
    const told = events.filter((event) => event._tag === "BecameUnknown" && event.first)
    const unknown = events.filter((event) => event._tag === "BecameUnknown")
    assert.strictEqual(told.length, Math.min(unknown.length, 1))
  })
})
