import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Wire from "../src/Wire.ts"

const id = "018f0000-0000-7000-8000-00000000000a"
const takes = (schema: Schema.Codec<unknown, unknown>) => Schema.is(Schema.toEncoded(schema))

describe("the grammar of names", () => {
  const cases: ReadonlyArray<
    readonly [name: string, Schema.Codec<unknown, unknown>, good: ReadonlyArray<string>, bad: ReadonlyArray<string>]
  > = [
    [
      "a client",
      Wire.ClientRef,
      [id, "ext:acme", "ext:Zürich 8 / 🚀", `ext:${"x".repeat(255)}`, "ext:ext:a"],
      ["", "acme", "ext:", id.toUpperCase(), ` ${id}`, `${id}\n`, "ext:a\u0000b", "ext:a\nb", `ext:${"x".repeat(256)}`]
    ],
    [
      "an entry",
      Wire.EntryId,
      [`${id}.0`, `${id}.1`, `${id}.900719925474099`],
      [id, `${id}.`, `${id}.01`, `${id}.-1`, `${id}.1.2`, `x.${id}.1`, `${id}.1e3`, `${id}.9007199254740993`]
    ],
    [
      "a key",
      Wire.IdempotencyKey,
      ["a", " ", "~", "run 1/row 7", "x".repeat(255)],
      ["", "é", "a\n", "\u007f", "x".repeat(256)]
    ],
    ["an etag", Wire.Etag, [`"7"`, `W/"7"`], ["7", `"7`, `"x"`, `w/"7"`, `""`]],
    ["an e-mail address", Wire.Email, ["a@b.ch", "x+y@z.example.com"], ["a", "a@b", "a b@c.ch", "a@b@c.ch", "@b.ch"]],
    ["a feature", Wire.Feature, ["chat.tokens", "gpt-5:input"], ["", "Chat", "-a", "a".repeat(65)]]
  ]
  it.each(cases)("%s", (_, schema, good, bad) => {
    for (const text of good) assert.isTrue(Schema.decodeUnknownOption(schema)(text)._tag === "Some", text)
    for (const text of bad) assert.isTrue(Schema.decodeUnknownOption(schema)(text)._tag === "None", text)
  })
})

it("an etag is the version in quotes", () => {
  assert.strictEqual(Schema.encodeSync(Wire.Etag)("7"), `"7"`)
  assert.strictEqual(Schema.decodeSync(Wire.Etag)(`W/"7"`), "7")
})

it.prop("an entry's id says whose wallet, and which entry", [Wire.EntryId], ([entry]) => {
  assert.strictEqual(Schema.encodeSync(Wire.EntryId)(entry), `${entry.payer}.${entry.seq}`)
})

it("metadata cannot reach the prototype of objects", () => {
  const decode = Schema.decodeUnknownOption(Wire.Metadata)
  const hostile = JSON.parse(`{"__proto__": "x"}`)
  assert.isTrue(decode(hostile, { onExcessProperty: "error" })._tag === "None")
})

it("what we write of credits is a string", () => {
  assert.strictEqual(Schema.encodeSync(Wire.Decimal)(-1_500_000n), "-1.5")
  assert.isFalse(takes(Wire.Decimal)(1))
})
