/**
 * Traffic like that of ServeGen's busiest clients: their real requests in ten-minute windows over two weeks, as many times
 * fewer as it takes, with the skew between the clients and their bursts.
 *
 * A window's requests come at gaps of the shape that was fitted to it; sizes are drawn from the quantiles of the client's
 * quarter of a day. All of it depends on the folder, the seed and the terms alone, so a row is the same in every run.
 */
import fs from "node:fs"
import path from "node:path"
import type { Credits } from "@capstan/domain"
import { Trouble } from "../Trouble.ts"
import * as Dice from "./Dice.ts"
import * as Table from "./Table.ts"
import { type Item, priceOf, type Prices } from "./Traffic.ts"

export interface Terms {
  readonly busiest: number
  /** How many, about. */
  readonly debits: number
  readonly seed: number
  readonly prices: Prices
}

export interface Client {
  readonly name: string
  /** As recorded. */
  readonly requests: number
  /** Whose sizes its requests have: its own, or those of another of its model where it has none. */
  readonly sizes: string
  /** What it will ask for. */
  debits: number
  credits: Credits.Credits
}

export interface Plan {
  readonly clients: ReadonlyArray<Client>
  readonly rows: number
  readonly read: () => Generator<Item>
}

interface Window {
  readonly client: number
  readonly count: number
  readonly shape: number
  readonly isWeibull: boolean
}

type Quantiles = readonly [p10: number, p50: number, p90: number, p99: number, max: number]

/** By metric, span by span. */
interface Sizes {
  readonly input: Map<number, Quantiles>
  readonly output: Map<number, Quantiles>
}

const tables = { clients: "clients.csv", windows: "client_windows.csv.gz", tokens: "client_tokens.csv.gz" }
const windowMs = 600_000
const spanSeconds = 21_600

export const isOne = (folder: string): boolean => fs.existsSync(path.join(folder, tables.clients))

export const plan = async (folder: string, terms: Terms): Promise<Plan> => {
  const clients = await choose(path.join(folder, tables.clients), terms.busiest)
  const sizes = await sizesOf(path.join(folder, tables.tokens), new Set(clients.map(({ sizes }) => sizes)))
  const windows = await windowsOf(path.join(folder, tables.windows), clients, terms)
  const read = () => items(clients, windows, sizes, terms)
  let rows = 0
  for (const { client, amount } of read()) {
    const one = clients[client]
    if (one === undefined) continue
    one.debits += 1
    one.credits += amount
    rows += 1
  }
  if (rows === 0) throw new Trouble(`${folder} comes to no request: give more --debits.`)
  return { clients, rows, read }
}

const choose = async (file: string, busiest: number): Promise<ReadonlyArray<Client>> => {
  const all: Array<{
    readonly name: string
    readonly model: string
    readonly requests: number
    readonly sized: boolean
  }> = []
  for await (const row of Table.rows(file))
    all.push({
      name: text(file, row, "client"),
      model: text(file, row, "model"),
      requests: number(file, row, "requests"),
      sized: row["token_data"] === "True"
    })
  all.sort((a, b) => b.requests - a.requests || (a.name < b.name ? -1 : 1))
  const sized = all.filter(({ sized }) => sized)
  if (sized.length === 0) throw new Trouble(`${file} names no client with token data.`)
  return all.slice(0, busiest).map(({ name, model, requests, sized: own }, nth) => {
    const alike = sized.filter((other) => other.model === model)
    const others = alike.length > 0 ? alike : sized
    const sizes = own ? name : (others[nth % others.length]?.name ?? name)
    return { name, requests, sizes, debits: 0, credits: 0n }
  })
}

const sizesOf = async (file: string, wanted: ReadonlySet<string>): Promise<ReadonlyMap<string, Sizes>> => {
  const sizes = new Map<string, Sizes>()
  for await (const row of Table.rows(file)) {
    const client = text(file, row, "client")
    const metric = row["metric"]
    if (!wanted.has(client) || (metric !== "input_tokens" && metric !== "output_tokens")) continue
    const of = sizes.get(client) ?? { input: new Map(), output: new Map() }
    sizes.set(client, of)
    const [p10, p50, p90, p99, max] = (["p10", "p50", "p90", "p99", "max"] as const).map((name) =>
      number(file, row, name)
    )
    of[metric === "input_tokens" ? "input" : "output"].set(number(file, row, "span_start_s"), [
      p10!,
      p50!,
      p90!,
      p99!,
      max!
    ])
  }
  return sizes
}

/** By when they start: only those in which something is left after scaling. */
const windowsOf = async (
  file: string,
  clients: ReadonlyArray<Client>,
  { debits, seed }: Terms
): Promise<ReadonlyMap<number, ReadonlyArray<Window>>> => {
  const numberByName = new Map(clients.map(({ name }, n) => [name, n]))
  const scale = debits / clients.reduce((sum, { requests }) => sum + requests, 0)
  // A client's windows are rounded together: what one loses the next has.
  const sums = clients.map(({ name }) => Dice.of(seed, `windows of ${name}`).roll())
  const windows = new Map<number, Array<Window>>()
  for await (const row of Table.rows(file)) {
    const client = numberByName.get(text(file, row, "client"))
    if (client === undefined) continue
    const before = sums[client] ?? 0
    const after = before + number(file, row, "requests") * scale
    sums[client] = after
    const count = Math.floor(after) - Math.floor(before)
    if (count === 0) continue
    const start = number(file, row, "window_start_s")
    const shape = Math.max(number(file, row, "shape"), 0.01)
    const at = windows.get(start) ?? []
    windows.set(start, at)
    at.push({ client, count, shape, isWeibull: row["dist"] === "Weibull" })
  }
  return new Map([...windows].sort(([a], [b]) => a - b))
}

function* items(
  clients: ReadonlyArray<Client>,
  windows: ReadonlyMap<number, ReadonlyArray<Window>>,
  sizes: ReadonlyMap<string, Sizes>,
  { seed, prices }: Terms
): Generator<Item> {
  const dice = clients.map(({ name }) => Dice.of(seed, name))
  let row = 0
  for (const [start, of] of windows) {
    const arrivals = of.flatMap((window) => {
      const own = dice[window.client]
      return own === undefined ? [] : offsets(window, own).map((offset) => ({ client: window.client, own, offset }))
    })
    for (const { client, own, offset } of arrivals.sort((a, b) => a.offset - b.offset || a.client - b.client)) {
      const known = sizes.get(clients[client]?.sizes ?? "")
      const span = start - (start % spanSeconds)
      const tokens = {
        input: sizeOf(known?.input, span, own.roll()),
        cached: 0n,
        output: sizeOf(known?.output, span, own.roll())
      }
      row += 1
      yield { row, atMs: start * 1_000 + Math.floor(offset), client, amount: priceOf(prices, tokens) }
    }
  }
}

/** Where in its window each request comes: one gap more than requests fills it. */
const offsets = ({ count, shape, isWeibull }: Window, { gamma, weibull }: Dice.Dice): ReadonlyArray<number> => {
  const sums: Array<number> = []
  let sum = 0
  for (let i = 0; i <= count; i++) sums.push((sum += isWeibull ? weibull(shape) : gamma(shape)))
  return sum > 0 ? sums.slice(0, -1).map((upTo) => (upTo / sum) * windowMs) : sums.slice(0, -1).map(() => 0)
}

/** Along straight lines between the quantiles; in a span without any, as in the last one that has some, or the first. */
const sizeOf = (spans: ReadonlyMap<number, Quantiles> | undefined, span: number, point: number): bigint => {
  if (spans === undefined) return 0n
  let quantiles = spans.get(span)
  for (let before = span; quantiles === undefined && before > 0; before -= spanSeconds) quantiles = spans.get(before)
  quantiles ??= spans.values().next().value
  if (quantiles === undefined) return 0n
  let [from, low] = [0, Math.min(1, quantiles[0])]
  for (const [i, upTo] of levels.entries()) {
    const high = quantiles[i] ?? low
    if (point < upTo || i === levels.length - 1)
      return BigInt(Math.round(low + ((high - low) * (point - from)) / (upTo - from)))
    ;[from, low] = [upTo, high]
  }
  return 0n
}
const levels = [0.1, 0.5, 0.9, 0.99, 1]

const text = (file: string, row: Table.Row, column: string): string => {
  const value = row[column]
  if (value !== undefined && value !== "") return value
  throw new Trouble(`A row of ${file} has no ${column}: mend the file.`)
}

const number = (file: string, row: Table.Row, column: string): number => {
  const value = Number(text(file, row, column))
  if (Number.isFinite(value) && value >= 0) return value
  throw new Trouble(`A row of ${file} has no number for ${column}: mend the file.`)
}
