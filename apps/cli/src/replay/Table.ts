/** A CSV with a head, row by row; one whose name ends in `.gz` is unzipped on the way. */
import fs from "node:fs"
import { pipeline } from "node:stream"
import { createGunzip } from "node:zlib"
import { parse } from "csv-parse"
import { messageOf, Trouble } from "../Trouble.ts"

export type Row = Readonly<Record<string, string>>

export async function* rows(file: string): AsyncGenerator<Row> {
  const parser = parse({ columns: true, skip_empty_lines: true, trim: true, bom: true })
  const bytes = fs.createReadStream(file)
  // What goes wrong on the way ends the parser with it.
  if (file.endsWith(".gz")) pipeline(bytes, createGunzip(), parser, () => {})
  else pipeline(bytes, parser, () => {})
  try {
    yield* parser as AsyncIterable<Row>
  } catch (error) {
    throw error instanceof Trouble ? error : new Trouble(`Cannot read ${file}: ${messageOf(error)}.`)
  }
}
