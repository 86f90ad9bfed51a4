import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { tree } from "../src/rest.ts"

it("a query string is a tree: brackets make branches, what is given twice is a list", () => {
  assert.deepEqual(tree({ limit: ["20"], status: ["a", "b"], "metadata[tier]": ["gold"], "metadata[size]": ["s"] }), {
    limit: "20",
    status: ["a", "b"],
    metadata: { tier: "gold", size: "s" }
  })
})

it.prop("no name reaches beyond the tree", [Schema.String, Schema.String], ([a, b]) => {
  for (const name of ["__proto__", "constructor", "prototype", a])
    for (const key of ["__proto__", "polluted", b])
      tree({ [`${name}[${key}]`]: ["x"], [name]: ["x"], [key]: ["x", "y"] })
  assert.notProperty({}, "polluted")
  assert.strictEqual(Object.getPrototypeOf({}), Object.prototype)
})
