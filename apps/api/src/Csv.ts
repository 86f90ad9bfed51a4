/**
 * Lists as CSV: comma, CRLF, UTF-8 without a byte order mark, quoted only where needed, a first row of headings. What is
 * null is an empty cell.
 *
 * A spreadsheet takes a cell for a formula by how it begins. A text that begins with `=`, `+`, `-`, `@`, a tab or a
 * carriage return, or with the wide forms of these signs, has an apostrophe before it, also where it would be harmless,
 * such as `-5` or `+43 1 234`: who reads it by a program takes the apostrophe off again. Numbers are ours and never
 * texts of others: they stand as they are, so that -5 can be summed up.
 */
import { stringify } from "csv-stringify/sync"

export type Cell = bigint | boolean | number | string | null | Decimal

/** A number that is written by us as a text, such as `-0.000001`. */
interface Decimal {
  readonly decimal: string
}

export interface Column<Row> {
  readonly heading: string
  readonly of: (row: Row) => Cell
}

/** A piece for each page; the first one begins with the headings. */
export const pieces = async function* <Row>(
  columns: ReadonlyArray<Column<Row>>,
  pages: AsyncIterable<ReadonlyArray<Row>>
): AsyncGenerator<string> {
  let headings = lines([columns.map(({ heading }) => heading)])
  for await (const rows of pages) {
    yield headings + lines(rows.map((row) => columns.map(({ of }) => of(row))))
    headings = ""
  }
}

export const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

/** Empty where there is nothing in it. */
export const json = (value: object): string | null => (Object.keys(value).length === 0 ? null : JSON.stringify(value))

const lines = (rows: ReadonlyArray<ReadonlyArray<Cell>>): string =>
  stringify(
    rows.map((row) => [...row]),
    {
      record_delimiter: "windows",
      escape_formulas: true,
      cast: {
        boolean: (value) => `${value}`,
        // The only kind of object that is a cell.
        object: (value) => ({ value: (value as unknown as Decimal).decimal, escape_formulas: false })
      }
    }
  )
