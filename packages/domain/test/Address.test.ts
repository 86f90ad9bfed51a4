import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Address, Country, Locale } from "../src/index.ts"

const address = Schema.decodeUnknownResult(Address.Address)

it("knows every country once", () => {
  assert.strictEqual(Country.codes.length, 249)
  assert.deepStrictEqual([...new Set(Country.codes)].sort(), [...Country.codes])
  for (const code of Country.codes) assert.match(code, /^[A-Z]{2}$/)
})

it.prop("an address survives its encoding", [Address.Address], ([given]) => {
  const encoded = Schema.encodeSync(Address.Address)(given)
  assert.deepStrictEqual(Schema.decodeUnknownSync(Address.Address)(encoded), given)
})

it("an address needs a country, and lines", () => {
  const rest = { line1: "Bahnhofstrasse 1", line2: null, postalCode: "8001", city: "Zürich", state: null }
  assert.isTrue(Result.isSuccess(address({ ...rest, country: "CH" })))
  assert.isTrue(Result.isFailure(address(rest)))
  for (const country of ["ch", "XX", "UK", "CHE", ""])
    assert.isTrue(Result.isFailure(address({ ...rest, country })), country)
  assert.isTrue(Result.isFailure(address({ ...rest, country: "CH", city: "Zürich\nBern" })))
})

it.prop("a canonical tag is its own canonical form", [Locale.Locale], ([tag]) => {
  assert.strictEqual(Locale.canonical(tag), tag)
})

it("finds the canonical form, or that it is no language tag", () => {
  assert.strictEqual(Locale.canonical("DE-ch"), "de-CH")
  assert.strictEqual(Locale.canonical("zh-hant-tw"), "zh-Hant-TW")
  for (const tag of ["de_CH", "", "d", "english language"]) assert.isNull(Locale.canonical(tag), tag)
})
