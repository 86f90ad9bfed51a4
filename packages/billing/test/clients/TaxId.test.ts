import { existsSync, readFileSync } from "node:fs"
import { Country } from "@capstan/domain"
import { assert, describe, it } from "vitest"
import * as TaxId from "../../src/clients/TaxId.ts"

const country = (code: string) => Country.Country.make(code)

describe("TaxId", () => {
  it("is kept as its country writes it, whatever it was given as", () => {
    assert.deepStrictEqual(TaxId.check(country("FR"), "fr 61 954 506 077"), { value: "FR61954506077", type: "eu_vat" })
    assert.deepStrictEqual(TaxId.check(country("FR"), "61954506077"), { value: "FR61954506077", type: "eu_vat" })
    assert.deepStrictEqual(TaxId.check(country("GR"), "040127797")?.value, "EL040127797")
    assert.deepStrictEqual(TaxId.check(country("GB"), "GB340804329")?.type, "gb_vat")
  })

  it("is refused with a wrong digit, and of another country", () => {
    for (const text of ["FR61954506078", "ATU10223006", "61", ""]) assert.isNull(TaxId.check(country("FR"), text), text)
  })

  it("is taken as it stands where the country's rules are not known", () => {
    assert.deepStrictEqual(TaxId.check(country("US"), "12-3456789"), { value: "12-3456789", type: "us_tax_id" })
  })
})

const shared = new URL("../../../../../shared/data/", import.meta.url)
const vectors = new URL("tax/vat_id_vectors.json", shared)
const countries = new URL("iso3166/country-codes.csv", shared)

type Vectors = Readonly<
  Record<string, Readonly<Record<"codes" | "invalid" | "valid" | "validOnlyByFormat", ReadonlyArray<string>>>>
>

it.skipIf(!existsSync(vectors))("tells the published vectors apart", () => {
  const all = JSON.parse(readFileSync(vectors, "utf8")) as Vectors
  let seen = 0
  for (const { codes, valid, invalid, validOnlyByFormat } of Object.values(all)) {
    const [code = ""] = codes
    if (!Country.codes.includes(code)) continue
    seen += 1
    // One of the Brazilian ones is of a form that came later than the rules.
    const refused = valid.filter((text) => TaxId.check(country(code), text) === null)
    assert.isAtMost(refused.length, code === "BR" ? 1 : 0, `${code}: ${refused.join()}`)
    for (const text of [...invalid, ...validOnlyByFormat])
      assert.isNull(TaxId.check(country(code), text), `${code}: ${text}`)
  }
  assert.isAbove(seen, 30)
})

it.skipIf(!existsSync(countries))("the countries are those of the standard", () => {
  const [head = "", ...rows] = readFileSync(countries, "utf8").split("\n")
  const column = head.split(",").indexOf("ISO3166-1-Alpha-2")
  const cells = (row: string) => [...row.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, cell = ""]) => cell)
  const codes = rows.flatMap((row) => cells(row)[column] || [])
  assert.deepStrictEqual([...codes].sort(), [...Country.codes])
})
