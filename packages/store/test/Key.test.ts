import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Key from "../src/Key.ts"

const Metadata = Schema.Record(Schema.String, Schema.Union([Schema.Finite, Schema.String, Schema.Boolean]))

describe("the hash of a payload", () => {
  it.prop("does not depend on the order of its fields", [Metadata], ([metadata]) => {
    const turned = Object.fromEntries(Object.entries(metadata).toReversed())
    const payload = { client: "a", amount: 1n, metadata }
    assert.deepStrictEqual(Key.hash("debit", { metadata: turned, amount: 1n, client: "a" }), Key.hash("debit", payload))
  })

  it("tells operations, names, values and the order of lists apart", () => {
    const hashes = [
      Key.hash("debit", { a: 1, b: [1, 2] }),
      Key.hash("reserve", { a: 1, b: [1, 2] }),
      Key.hash("debit", { b: 1, a: [1, 2] }),
      Key.hash("debit", { a: 1, b: [2, 1] }),
      Key.hash("debit", { a: 2, b: [1, 2] })
    ]
    assert.strictEqual(new Set(hashes.map((hash) => hash.toString("hex"))).size, hashes.length)
  })
})
