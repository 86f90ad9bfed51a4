import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Resending } from "../src/index.ts"

const waits = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 90_000 }))), {
  maxLength: 120
})

describe("sending again", () => {
  it.prop("however often it is asked, two go out in a minute at most, and so many in all", [waits], ([waits]) => {
    const times = [0]
    let now = 0
    for (const wait of waits) {
      now += wait
      const refused = Resending.refusal({ sent: times.length, sentAt: times.at(-1) ?? 0 }, now)
      if (refused === undefined) times.push(now)
      else if (refused._tag === "TooSoon") assert.isAbove(refused.until, now)
    }
    assert.isAtMost(times.length, Resending.most)
    for (const at of times)
      assert.isAtMost(times.filter((other) => other >= at && other < at + Resending.pause).length, 2)
  })

  it("is at once possible, then a minute later", () => {
    assert.isUndefined(Resending.refusal({ sent: 1, sentAt: 0 }, 0))
    assert.deepStrictEqual(Resending.refusal({ sent: 2, sentAt: 0 }, 59_999), { _tag: "TooSoon", until: 60_000 })
    assert.isUndefined(Resending.refusal({ sent: 2, sentAt: 0 }, 60_000))
    assert.deepStrictEqual(Resending.refusal({ sent: 20, sentAt: 0 }, 9e9), { _tag: "TooOften", most: 20 })
  })
})
