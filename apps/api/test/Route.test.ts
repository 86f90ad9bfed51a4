import { Procedure } from "@capstan/contract"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Schema } from "effect"
import { Hono } from "hono"
import * as Call from "../src/Call.ts"
import * as Log from "../src/Log.ts"
import * as rest from "../src/rest.ts"
import * as Route from "../src/Route.ts"

const open = (path: `GET /${string}`, field?: string) =>
  Procedure.query({
    rest: path,
    summary: "",
    scope: null,
    input: Schema.Struct(field === undefined ? {} : { [field]: Schema.String }),
    output: Schema.String,
    refuses: []
  })

const declared = [
  ["one", open("GET /v1/things/{thing}", "thing")],
  ["whole", open("GET /v1/things/export")],
  ["part", open("GET /v1/things/{thing}/parts", "thing")],
  ["named", open("GET /v1/things/ext:{name}", "name")]
] as const

const terms = { services: Context.empty() as never, log: Log.silent, deadlineMs: 1_000 }

it.each([declared, declared.toReversed()])(
  "a path that is spelled out wins, whatever the order of mounting",
  async (...order) => {
    const calls = order.flatMap(([name, procedure]) =>
      procedure === undefined ? [] : [Call.of(name, procedure, () => Effect.succeed(name), terms)]
    )
    const app = new Hono()
    rest.mount(app, calls, { metrics: { count: () => {} }, log: Log.silent } as never)
    const asked = async (path: string) => (await app.request(path)).json()
    assert.strictEqual(await asked("/v1/things/export"), "whole")
    assert.strictEqual(await asked("/v1/things/exports"), "one")
    assert.strictEqual(await asked("/v1/things/export/parts"), "part")
    assert.strictEqual(await asked("/v1/things/ext:one"), "named")
    assert.strictEqual(await asked("/v1/things/ext:one%2Fparts"), "named")
    assert.strictEqual(await asked("/v1/things/ext:one/parts"), "part")
  }
)

it("paths have one order, in which fields come last", () => {
  const paths = ["/a/{b}", "/a/b", "/a/{b}/c", "/a/zz"]
  const sorted = paths.toSorted(Route.bySpelling)
  assert.deepStrictEqual(sorted, ["/a/b", "/a/zz", "/a/{b}", "/a/{b}/c"])
  assert.deepStrictEqual(paths.toReversed().toSorted(Route.bySpelling), sorted)
})
