import { Decline } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as Behaviour from "../../src/sandbox/Behaviour.ts"

const behaviourOf = (reference: string) => Result.map(Behaviour.parse(reference), ({ behaviour }) => behaviour)

const natural = (most: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most })))

const words = "sandbox succeed decline then timeout after before charging slow flaky attach rejected".split(" ")
const pieces = [
  ...words,
  ...Decline.Class.literals,
  "_",
  "__",
  ".",
  "",
  "0",
  "7",
  "100",
  "101",
  "99999999999",
  "é",
  "\0",
  "A"
]

describe("a name", () => {
  it.prop("of any text is that of a method, or of none with a word of what there is", [Schema.String], ([text]) => {
    const parsed = Behaviour.parse(text)
    assert.isTrue(Result.isSuccess(parsed) || parsed.failure.includes("sandbox_succeed"))
  })

  it.prop(
    "put together of what names are made of is total, too, and its name without the label means the same",
    [Arbitrary.array(natural(pieces.length - 1), { maxLength: 8 })],
    ([chosen]) => {
      const text = `sandbox_${chosen.map((index) => pieces[index]).join("_")}`
      const parsed = Behaviour.parse(text)
      if (Result.isFailure(parsed)) return
      const { name, behaviour } = parsed.success
      assert.deepStrictEqual(behaviourOf(name), Result.succeed(behaviour))
      assert.deepStrictEqual(behaviourOf(`${name}.another-one`), Result.succeed(behaviour))
    }
  )

  it.prop(
    "with numbers means those numbers",
    [natural(100), natural(999_999), natural(99_999)],
    ([percent, seed, ms]) => {
      assert.deepStrictEqual(
        behaviourOf(`sandbox_flaky_${percent}_${seed}`),
        Result.succeed({ _tag: "Flaky", percent, seed })
      )
      assert.deepStrictEqual(behaviourOf(`sandbox_slow_${ms}`), Result.succeed({ _tag: "Slow", ms }))
    }
  )

  it("of each kind means what it says", () => {
    for (const of of Decline.Class.literals) {
      assert.deepStrictEqual(
        behaviourOf(`sandbox_decline_${of}`),
        Result.succeed({ _tag: "Decline", class: of, times: null })
      )
      assert.deepStrictEqual(
        behaviourOf(`sandbox_decline_${of}_3_then_succeed.x`),
        Result.succeed({ _tag: "Decline", class: of, times: 3 })
      )
    }
    const known: ReadonlyArray<readonly [string, Behaviour.Behaviour]> = [
      ["sandbox_succeed", { _tag: "Succeed" }],
      ["sandbox_decline_then_succeed", { _tag: "Decline", class: "funds", times: 1 }],
      ["sandbox_decline_final_then_succeed", { _tag: "Decline", class: "final", times: 1 }],
      ["sandbox_timeout_after_charging", { _tag: "TimeOut", charges: true, always: true }],
      ["sandbox_timeout_before_charging", { _tag: "TimeOut", charges: false, always: true }],
      ["sandbox_timeout_before_charging_then_succeed", { _tag: "TimeOut", charges: false, always: false }],
      ["sandbox_attach_rejected", { _tag: "NotEntered", answer: "Rejected" }],
      ["sandbox_attach_timeout", { _tag: "NotEntered", answer: "Unknown" }]
    ]
    for (const [name, behaviour] of known) assert.deepStrictEqual(behaviourOf(name), Result.succeed(behaviour), name)
  })

  it("that is nearly one is none", () => {
    for (const name of [
      ..."succeed Sandbox_succeed sandbox_ sandbox_succeed_ sandbox_succeed. sandbox_decline sandbox_decline_poverty".split(
        " "
      ),
      ..."sandbox_flaky_101_1 sandbox_flaky_20 sandbox_slow_100000 sandbox_decline_funds_0_then_succeed".split(" "),
      "sandbox_succeed\n",
      " sandbox_succeed"
    ])
      assert.isTrue(Result.isFailure(Behaviour.parse(name)), name)
  })
})

describe("a flaky method", () => {
  it.prop("loses the same answers each time", [Schema.String, natural(100), natural(9), natural(50)], (values) => {
    const [key, percent, seed, tries] = values
    const fate = () => Behaviour.fateOf({ _tag: "Flaky", percent, seed }, key, tries)
    assert.strictEqual(fate(), fate())
  })

  it("loses about as many as told, half of them before it charged", () => {
    const fates = Array.from({ length: 10_000 }, (_, n) =>
      Behaviour.fateOf({ _tag: "Flaky", percent: 20, seed: 7 }, `key-${n}`, 1)
    )
    const count = (fate: string) => fates.filter((one) => one === fate).length
    assert.approximately(count("lost_after"), 1_000, 150)
    assert.approximately(count("lost_before"), 1_000, 150)
    assert.strictEqual(count("answered"), 10_000 - count("lost_after") - count("lost_before"))
  })

  it("of none in a hundred loses none, of a hundred all", () => {
    for (let n = 0; n < 500; n++) {
      const fate = (percent: number) => Behaviour.fateOf({ _tag: "Flaky", percent, seed: n }, `key-${n}`, 1)
      assert.strictEqual(fate(0), "answered")
      assert.notStrictEqual(fate(100), "answered")
    }
  })
})
