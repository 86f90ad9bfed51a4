import { Rate } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Equal, Schema } from "effect"
import * as Problem from "../src/Problem.ts"
import { api, procedures } from "../src/api.ts"
import { isProcedure } from "../src/Procedure.ts"

const strict = { errors: "all", onExcessProperty: "error" } as const
const fieldsOf = (schema: Schema.Top): ReadonlyArray<string> =>
  "fields" in schema && typeof schema.fields === "object" && schema.fields !== null ? Object.keys(schema.fields) : []
const paramsOf = (rest: string): ReadonlyArray<string> => [...rest.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name)
/** As the domain computes: sums fit 64 bits, rates are reduced and below 10^12. Arbitrary values need not be so. */
const computed = (value: unknown): unknown => {
  if (typeof value === "bigint") return value % 2n ** 63n
  if (Array.isArray(value)) return value.map(computed)
  if (typeof value !== "object" || value === null) return value
  if (isRate(value)) return Rate.of(value.numerator % (value.denominator * 10n ** 12n), value.denominator)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, computed(field)]))
}
const isRate = Schema.is(Schema.toType(Rate.Rate))
const through = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe.each(procedures.map(([path, procedure]) => ({ path, procedure })))("$path", ({ path, procedure }) => {
  for (const side of ["input", "output"] as const) {
    const schema = procedure[side]
    const encode = Schema.encodeSync(schema)
    const decode = Schema.decodeUnknownSync(schema)

    it.prop(
      `its ${side} survives the wire`,
      [schema],
      ([arbitrary]) => {
        const value = computed(arbitrary)
        const crossed = encode(value)
        const back = decode(through(crossed), strict)
        assert.isTrue(Equal.equals(back, value))
        assert.deepStrictEqual(encode(back), through(crossed))
      },
      { arbitrary: { runs: 25 } }
    )
  }

  it("has every parameter of its path in its input", () => {
    assert.includeMembers([...fieldsOf(procedure.input)], [...paramsOf(procedure.rest)])
  })

  it("takes a key and a version where it says so, and nowhere else", () => {
    const fields = fieldsOf(procedure.input)
    assert.strictEqual(fields.includes("idempotencyKey"), procedure.idempotency !== "none")
    assert.strictEqual(fields.includes("ifMatch"), procedure.ifMatch)
    assert.strictEqual(procedure.refuses.includes("idempotency_conflict"), procedure.idempotency !== "none")
    assert.strictEqual(procedure.refuses.includes("precondition_failed"), procedure.ifMatch)
  })

  it("is named by a key where it changes something: as a whole, or each of its items", () => {
    const byItem = path === "credits.consumeMany"
    assert.strictEqual(procedure.idempotency === "none", procedure.kind !== "mutation" || byItem)
    if (byItem)
      assert.throws(
        () => Schema.decodeUnknownSync(procedure.input)({ items: [{ client: "ext:a", amount: "1" }] }),
        /idempotencyKey/
      )
    if (/^(credits|orders)\./.test(path) && procedure.kind === "mutation" && !byItem)
      assert.strictEqual(procedure.idempotency, "required")
  })

  it("is allowed by a scope to read or to write, as it does", () => {
    const verb = procedure.kind === "mutation" ? "write" : "read"
    assert.isTrue(procedure.scope === null || procedure.scope.endsWith(`:${verb}`))
  })

  it.skipIf(fieldsOf(procedure.input).length === 0)("refuses an unknown field", () => {
    const result = Schema.decodeUnknownResult(procedure.input)({ nope: 1 }, strict)
    assert.include(String(result._tag === "Failure" && result.failure.message), `["nope"]`)
  })

  it("refuses with codes of the table, and none of those that any procedure may give", () => {
    const always: ReadonlyArray<string> = Problem.always
    for (const code of procedure.refuses) {
      assert.include(Problem.codes, code)
      assert.notInclude(always, code)
    }
  })
})

it("no two procedures share a path over REST", () => {
  const shapes = procedures.map(([, { rest }]) => rest.replace(/\{\w+\}/g, "{}"))
  assert.deepStrictEqual(shapes, [...new Set(shapes)])
})

/** What they take in place of an access token: the signed token of a link. */
const byLink = ["invitations.accept"]

it("a path is one of two: open to anyone, or versioned and with a scope or a link", () => {
  for (const [path, { rest, scope, input }] of procedures) {
    const isByLink = byLink.includes(path)
    assert.strictEqual(scope !== null || isByLink, / \/v1\//.test(rest), path)
    if (isByLink) assert.deepStrictEqual([scope, fieldsOf(input).includes("link")], [null, true])
  }
})

it("the list has every procedure of the tree", () => {
  const count = (node: object): number =>
    Object.values(node).reduce((sum: number, child: object) => sum + (isProcedure(child) ? 1 : count(child)), 0)
  assert.strictEqual(procedures.length, count(api))
  assert.isTrue(procedures.some(([path, procedure]) => path === "credits.consume" && procedure === api.credits.consume))
})

describe("JSON Schema", () => {
  it("can be made of every input and output, and of every problem", () => {
    for (const [path, { input, output }] of procedures)
      for (const schema of [input, output]) assert.property(Schema.toJsonSchemaDocument(schema), "schema", path)
    for (const code of Problem.codes) assert.property(Schema.toJsonSchemaDocument(Problem.schema(code)), "schema", code)
  })

  it("keeps patterns, formats, bounds and descriptions, also of what is transformed", () => {
    const json = (schema: Schema.Top) => JSON.stringify(Schema.toJsonSchemaDocument(schema))
    const grant = json(api.credits.grant.input)
    assert.include(grant, `"minimum":1,"maximum":1000000000`)
    assert.include(grant, `{"type":"string","format":"date-time","description":"From when on`)
    assert.include(grant, `"description":"Minor units a credit`)
    assert.include(json(api.credits.reverse.input), "The id of a ledger entry")
    assert.include(json(api.clients.list.input), `"minimum":1,"maximum":100`)
    assert.include(json(api.caps.set.input), "The etag last seen")
  })

  it("names what is shared", () => {
    const { definitions } = Schema.toJsonSchemaDocument(api.credits.consume.output)
    assert.includeMembers(Object.keys(definitions), ["Receipt", "Entry", "EntryDetail", "EntryKind", "Count"])
  })
})
