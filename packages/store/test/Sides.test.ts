/** How it was before an event and is after it: told of every kind that the sources record. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Raise, Subscription, Tree } from "@capstan/domain"
import * as Objects from "../src/events/Objects.ts"
import * as Sides from "../src/events/Sides.ts"

const packages = join(import.meta.dirname, "../..")
const sources = ["billing", "store"].flatMap((name) => {
  const folder = join(packages, name, "src")
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
  return files.map((file) => readFileSync(join(folder, file), "utf8"))
})

const written = /(?:kind: |tell\(|record\(|\b[A-Z]\w*: |[?:] )"([a-z_]+\.[a-z_]+)"/
const literals = sources.flatMap((source) =>
  source
    .split("\n")
    .filter((line) => !/\b(procedure|field): /.test(line))
    .flatMap((line) => [...line.matchAll(new RegExp(written, "g"))].map(([, kind = ""]) => kind))
)
const snake = (name: string) => name.replaceAll(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
const composed = [
  ...Object.keys(Subscription.Event.cases).map((name) => `subscription.${snake(name)}`),
  ...Raise.Status.literals.filter((status) => status !== "pending").map((status) => `raise.${status}`),
  ...Tree.Notice.literals
    .filter((notice) => notice !== "none")
    .flatMap((notice) => [`balance.${notice}`, `balance.${notice}_announced`])
]
const kinds = [...new Set([...literals.filter(Objects.isKnown), ...composed])].toSorted()

describe("the sides of an event", () => {
  it("are known of every kind that is recorded", () => {
    assert.isAbove(kinds.length, 80)
    assert.include(kinds, "client.created")
    assert.deepStrictEqual(
      kinds.filter((kind) => Sides.sideOf(kind) === undefined),
      []
    )
    const words = new Set(kinds.map((kind) => kind.slice(kind.indexOf(".") + 1)))
    assert.deepStrictEqual(
      Sides.words.filter((word) => !words.has(word)),
      []
    )
  })

  it("are what the payload says where it says so of any", () => {
    const [before, after] = [{ name: "One" }, { name: "Two" }]
    for (const kind of kinds) {
      assert.deepStrictEqual(Sides.of(kind, { a: 1, before, after }), { before, after, others: { a: 1 } }, kind)
      assert.deepStrictEqual(Sides.of(kind, { before: null, after }), { before: null, after, others: {} }, kind)
      assert.deepStrictEqual(Sides.of(kind, { before }), { before, after: null, others: {} }, kind)
    }
  })

  it("are else what is told of a beginning or an end, and nothing of it is lost", () => {
    const told = { token: "1", name: "Reader" }
    assert.deepStrictEqual(Sides.of("access_token.created", told), { before: null, after: told, others: {} })
    assert.deepStrictEqual(Sides.of("access_token.revoked", told), { before: told, after: null, others: {} })
    assert.deepStrictEqual(Sides.of("payment.declined", told), { before: null, after: null, others: told })
    const raise = { raise: "1", limit: "20", before: "10" }
    assert.deepStrictEqual(Sides.of("raise.requested", raise), { before: null, after: raise, others: {} })
    assert.deepStrictEqual(Sides.of("recharge.disabled", {}), { before: null, after: null, others: {} })
    for (const kind of kinds) {
      const { before, after, others } = Sides.of(kind, told)
      assert.deepStrictEqual<object>({ ...(before as object), ...(after as object), ...others }, told, kind)
    }
  })
})
