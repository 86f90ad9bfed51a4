import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { parse } from "csv-parse/sync"
import * as Csv from "../src/Csv.ts"

type Row = ReadonlyArray<Csv.Cell>

const written = async (pages: ReadonlyArray<ReadonlyArray<Row>>, width = pages[0]?.[0]?.length ?? 1) => {
  const columns = Array.from({ length: width }, (_, n) => ({
    heading: `Column ${n + 1}`,
    of: (row: Row) => row[n] ?? null
  }))
  const given = (async function* () {
    for (const page of pages) yield page
  })()
  let text = ""
  for await (const piece of Csv.pieces(columns, given)) text += piece
  return text
}

const read = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  parse(text, { record_delimiter: "\r\n", relax_column_count: false }) as ReadonlyArray<ReadonlyArray<string>>

const begins = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/

const texts = Arbitrary.array(Arbitrary.schema(Schema.String), { minLength: 1, maxLength: 8 })

it.effect.prop(
  "what is written is read back, with an apostrophe where a text begins like a formula",
  [texts],
  ([row]) =>
    Effect.promise(async () => {
      const nasty = [
        ...row.map((text) => text.toWellFormed()),
        "=1",
        "a,b",
        'q"q',
        "two\r\nlines",
        "",
        "\ttab",
        "＝wide"
      ]
      const [headings, back] = read(await written([[nasty]]))
      assert.strictEqual(headings?.length, nasty.length)
      assert.deepStrictEqual(
        back,
        nasty.map((text) => (begins.test(text) ? `'${text}` : text))
      )
    })
)

describe("cells", () => {
  it("no text can begin like a formula, however it goes on", async () => {
    const starts = ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"]
    const rests = ["1+1", "", "cmd|' /C calc'!A0", 'HYPERLINK("x")', "5", ",=1", '"=1', "\n=1"]
    const texts = starts.flatMap((start) => rests.map((rest) => start + rest))
    const [, ...back] = read(await written([texts.map((text) => [text])]))
    assert.deepStrictEqual(
      back,
      texts.map((text) => [`'${text}`])
    )
  })

  it("numbers of ours stay numbers, also where they are negative", async () => {
    const row = [-1, -5n, 12.5, { decimal: "-0.000001" }, { decimal: "7" }, "-1", true, false, null]
    assert.deepStrictEqual(read(await written([[row]]))[1], [
      "-1",
      "-5",
      "12.5",
      "-0.000001",
      "7",
      "'-1",
      "true",
      "false",
      ""
    ])
  })

  it("are parted by comma and CRLF, without a byte order mark, quotes only where needed, one row of headings", async () => {
    assert.strictEqual(
      await written([[["a b", "c,d"]], [['e"f', null]], []]),
      'Column 1,Column 2\r\na b,"c,d"\r\n"e""f",\r\n'
    )
    assert.strictEqual(await written([[]], 2), "Column 1,Column 2\r\n")
  })
})
