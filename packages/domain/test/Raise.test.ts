import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Decider, Raise } from "../src/index.ts"
import { id } from "./history/WalletHistory.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const who = Schema.Literals(["token:ada", "token:bob"])
const wait = upTo(30)
const Step = Schema.TaggedUnion({
  Request: { wait, limit: upTo(20), before: upTo(20) },
  Approve: { wait, by: who },
  Decline: { wait, by: who },
  Expire: { wait }
})
const steps = Arbitrary.array(Arbitrary.schema(Step), { maxLength: 8 })
const first = Arbitrary.schema(Step.cases.Request)

const play = (steps: ReadonlyArray<typeof Step.Type>) => {
  const turns: Array<{
    readonly before: Raise.State
    readonly command: Raise.Command
    readonly decided: ReturnType<typeof Raise.decide>
    readonly after: Raise.State
    readonly at: number
  }> = []
  const events: Array<Raise.Event> = []
  let state: Raise.State = Raise.initial
  let at = 0
  for (const step of steps) {
    at += step.wait
    const requested = {
      id: id("b", 1),
      client: id("e", 1),
      cap: id("f", 1),
      consent: "payer",
      note: null,
      requestedBy: "token:ada",
      requestedAt: at,
      expiresAt: at + 40
    } as const
    const command: Raise.Command =
      step._tag === "Request"
        ? { _tag: "Request", raise: { ...requested, limit: BigInt(step.limit), before: BigInt(step.before) } }
        : { ...step, at }
    const decided = Raise.decide(state, command)
    const before: Raise.State = state
    if (Result.isSuccess(decided))
      for (const event of decided.success) {
        events.push(event)
        state = Raise.evolve(state, event)
      }
    turns.push({ before, command, decided, after: state, at })
  }
  return { turns, events, state }
}
const histories = Arbitrary.map(Arbitrary.all([first, steps]), ([first, rest]) => play([first, ...rest]))

describe("Raise", () => {
  it.prop("replaying a history gives the state that wrote it", [histories], ([{ events, state }]) => {
    assert.deepStrictEqual(Decider.replay(Raise, events), state)
  })

  it.prop("events and refusals survive their JSON encoding", [histories], ([{ events, turns }]) => {
    const codec = Schema.toCodecJson(Schema.Array(Raise.Event))
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(Schema.encodeSync(codec)(events)), events)
    const refusal = Schema.toCodecJson(Raise.Refusal)
    for (const { decided } of turns)
      if (Result.isFailure(decided))
        assert.deepStrictEqual(Schema.decodeSync(refusal)(Schema.encodeSync(refusal)(decided.failure)), decided.failure)
  })

  it.prop("it is settled at most once, and stays as it was settled", [histories], ([{ events, turns }]) => {
    assert.isTrue(events.filter(({ _tag }) => _tag !== "Requested").length <= 1)
    for (const { before, after } of turns)
      if (before !== null && before.status !== "pending") assert.deepStrictEqual(after, before)
  })

  it.prop(
    "what is settled so already is settled again without a change; what is settled otherwise is refused",
    [histories],
    ([{ turns }]) => {
      for (const { before, command, decided, at } of turns) {
        if (before === null || (command._tag !== "Approve" && command._tag !== "Decline")) continue
        const status = Raise.statusAt(before, at)
        const wanted = command._tag === "Approve" ? "approved" : "declined"
        if (status === "pending") assert.isTrue(Result.isSuccess(decided) && decided.success.length === 1)
        else if (status === wanted) assert.deepStrictEqual(decided, Result.succeed([]))
        else assert.deepStrictEqual(decided, Result.fail({ _tag: "AlreadySettled", status }))
      }
    }
  )

  it.prop("nothing is approved or declined once its time is over, told or not", [histories], ([{ events, turns }]) => {
    const requested = events.find(({ _tag }) => _tag === "Requested")
    if (requested?._tag !== "Requested") return
    const { expiresAt } = requested.raise
    for (const event of events) {
      if (event._tag === "Approved" || event._tag === "Declined") assert.isTrue(event.at < expiresAt)
      if (event._tag === "Expired") assert.isTrue(event.at >= expiresAt)
    }
    for (const { after, at } of turns)
      if (after !== null && at >= expiresAt) assert.notStrictEqual(Raise.statusAt(after, at), "pending")
  })

  it.prop(
    "only more than the present limit is asked for, and no approval lowers a cap",
    [histories, Arbitrary.schema(upTo(40))],
    ([{ events, turns }, present]) => {
      for (const event of events)
        if (event._tag === "Requested") {
          assert.isTrue(event.raise.limit > event.raise.before)
          const after = Raise.limitAfter(event.raise, BigInt(present))
          assert.isTrue(after >= BigInt(present) && (after === BigInt(present) || after === event.raise.limit))
        }
      for (const { before, command, decided } of turns)
        if (before === null && command._tag === "Request")
          assert.strictEqual(Result.isSuccess(decided), command.raise.limit > command.raise.before)
    }
  )
})
