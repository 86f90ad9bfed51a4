/** Recorded requests, what each costs, and which client it falls to. */
import { type Credits, Rate } from "@capstan/domain"
import { Trouble } from "../Trouble.ts"
import * as Table from "./Table.ts"

/** Credits for one token. */
export interface Prices {
  readonly input: Rate.Rate
  readonly cached: Rate.Rate
  readonly output: Rate.Rate
}

export interface Item {
  /** From 1. */
  readonly row: number
  readonly atMs: number
  readonly client: number
  readonly amount: Credits.Credits
}

/** How many rows there are. All of them are read first, so that nothing is sent of a file that breaks off. */
export const count = async (file: string): Promise<number> => {
  let rows = 0
  for await (const _ of records(file)) rows += 1
  if (rows === 0) throw new Trouble(`${file} has no rows.`)
  return rows
}

export async function* read(file: string, prices: Prices, clients: number): AsyncGenerator<Item> {
  const shares = zipf(clients)
  for await (const { row, at, input, cached, output } of records(file)) {
    const point = hash(row)
    const client = shares.findIndex((upTo) => point < upTo)
    yield { row, atMs: at, client, amount: priceOf(prices, { input, cached, output }) }
  }
}

interface Tokens {
  readonly input: bigint
  /** Part of the input. */
  readonly cached: bigint
  readonly output: bigint
}

/** Exact, and rounded up once, to a micro-credit. */
export const priceOf = ({ input, cached, output }: Prices, tokens: Tokens): Credits.Credits => {
  const parts = [
    [input, tokens.input - tokens.cached],
    [cached, tokens.cached],
    [output, tokens.output]
  ] as const
  const denominator = input.denominator * cached.denominator * output.denominator
  const numerator = parts.reduce((sum, [rate, n]) => sum + (n * rate.numerator * denominator) / rate.denominator, 0n)
  return Rate.costOf({ numerator: numerator * 1_000_000n, denominator }, 1n)
}

/** Few clients have most of the traffic: the nth has a share in proportion to 1/n. Up to which point each reaches. */
const zipf = (clients: number): ReadonlyArray<number> => {
  const weights = Array.from({ length: clients }, (_, i) => 1 / (i + 1))
  const total = weights.reduce((sum, weight) => sum + weight)
  let sum = 0
  return weights.map((weight, i) => (i === clients - 1 ? 1 : (sum += weight / total)))
}

/** A row's own point from 0 up to 1, the same in every run. */
const hash = (row: number): number => {
  let h = Math.imul(row ^ 0x9e3779b9, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32
}

const columns = ["timestamp_ms", "input_tokens", "output_tokens", "cached_input_tokens"] as const

interface Recorded extends Tokens {
  readonly row: number
  readonly at: number
}

async function* records(file: string): AsyncGenerator<Recorded> {
  let row = 0
  for await (const record of Table.rows(file)) {
    row += 1
    const missing = columns.find((column) => !/^\d{1,15}$/.test(record[column] ?? ""))
    if (missing !== undefined)
      throw new Trouble(`Row ${row} of ${file} has no whole number for ${missing}: mend the file.`)
    const [at = 0, input = 0, output = 0, cached = 0] = columns.map((column) => Number(record[column]))
    if (cached > input) throw new Trouble(`Row ${row} of ${file} has more cached than input tokens: mend the file.`)
    yield { row, at, input: BigInt(input), cached: BigInt(cached), output: BigInt(output) }
  }
}
