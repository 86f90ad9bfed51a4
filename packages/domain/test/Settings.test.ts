import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Settings from "../src/Settings.ts"

const encode = Schema.encodeSync(Settings.Settings)
const decode = Schema.decodeUnknownSync(Settings.Settings)

describe("Settings", () => {
  it.prop("survive their JSON encoding", [Settings.Settings], ([settings]) => {
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(encode(settings)))), settings)
  })

  it("are settled by default, all of them", () => {
    assert.deepStrictEqual(decode(encode(Settings.defaults)), Settings.defaults)
  })

  it.prop("a range admits what is between its ends, and null admits all", [Schema.BigInt, Schema.BigInt], ([a, b]) => {
    const range = a < b ? { min: a, max: b } : { min: b, max: a }
    for (const value of [a, b, range.min - 1n, range.max + 1n]) {
      assert.isTrue(Settings.admits(null, value))
      assert.strictEqual(Settings.admits(range, value), value >= range.min && value <= range.max)
    }
  })
})
