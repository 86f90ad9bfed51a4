/**
 * The database of a test run: migrated once, shared by all tests; a test makes an organization of its own in it.
 *
 * What reads a whole database (doctor, worker) works in a `clone` of the migrated template.
 */
import crypto from "node:crypto"
import pg from "pg"
import { inject } from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    readonly database: { readonly url: string; readonly template: string }
  }
}

export interface Clone {
  readonly url: string
  /** Ends what is still connected to it. */
  readonly drop: () => Promise<void>
}

export const url: string = inject("database").url

/** bigint columns arrive as bigint. Its owner ends it. */
export const pool = (connectionString: string = url): pg.Pool =>
  new pg.Pool({ connectionString, types: { getTypeParser: parserOf } })

export const clone = async (): Promise<Clone> => {
  const name = `capstan_clone_${crypto.randomBytes(6).toString("hex")}`
  await run((quote) => `create database ${quote(name)} template ${quote(inject("database").template)}`)
  return {
    url: Object.assign(new URL(url), { pathname: `/${name}` }).href,
    drop: () => run((quote) => `drop database if exists ${quote(name)} with (force)`)
  }
}

const parserOf: typeof pg.types.getTypeParser = (oid: number, format?: "binary" | "text") =>
  oid === pg.types.builtins.INT8 && format !== "binary" ? BigInt : pg.types.getTypeParser(oid, format as "text")

const run = async (command: (quote: (name: string) => string) => string): Promise<void> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    await client.query(command(pg.escapeIdentifier))
  } finally {
    await client.end()
  }
}
