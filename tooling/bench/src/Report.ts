/** What a benchmark tells: one JSON object a line on stdout, and a readable table on stderr. */
import Table from "cli-table3"

export interface Line {
  readonly bench: string
  readonly shape: string
  readonly unit: string
  readonly value: number
  /** The figure it is compared with, measured in the same run. */
  readonly floor: number | null
  readonly ratio: number | null
  /** Milliseconds. */
  readonly p50: number | null
  readonly p95?: number
  readonly p99: number | null
  /** What the value is to stay below on a quiet machine, and whether it did. */
  readonly target?: number
  readonly met?: boolean
}

export const print = (lines: ReadonlyArray<Line>): void => {
  for (const line of lines) process.stdout.write(`${JSON.stringify(line)}\n`)
  const table = new Table({
    head: ["bench", "shape", "unit", "value", "floor", "ratio", "p50 ms", "p95 ms", "p99 ms", "target", "met"],
    colAligns: ["left", "left", "left", "right", "right", "right", "right", "right", "right", "right", "left"],
    style: { head: [], border: [] }
  })
  const text = (value: number | null | undefined) => (value == null ? "" : value.toLocaleString("en"))
  for (const { bench, shape, unit, value, floor, ratio, p50, p95, p99, target, met } of lines) {
    const numbers = [value, floor, ratio, p50, p95, p99, target].map(text)
    table.push([bench, shape, unit, ...numbers, met === undefined ? "" : met ? "yes" : "no"])
  }
  process.stderr.write(`${table.toString()}\n`)
}

/** Cut off, never rounded up. */
export const cut = (value: number, places = 0): number => Math.floor(value * 10 ** places) / 10 ** places

export const quantile = (sorted: ReadonlyArray<number>, q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0

export const median = (values: ReadonlyArray<number>): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5
  )
