/**
 * The gate against its floor: many wallets without caps, many under a tree of caps, one hot wallet. And each of them with
 * recharge and thresholds on, against the same without.
 */
import { Database, Key, Trees } from "@capstan/store"
import { Result } from "effect"
import { amount, type Arena, type Forest, plant, type Shape, withArena } from "./Arena.ts"
import { floor } from "./Floor.ts"
import { cut, type Line, median, quantile } from "./Report.ts"

const inFlight = 256
const rounds = 3
const seconds = 5

const shapes: ReadonlyArray<{ readonly name: string; readonly shape: Shape; readonly hot: boolean }> = [
  {
    name: "10 000 wallets, no caps",
    shape: { roots: 10_000, middlesPerRoot: 0, leavesPerMiddle: 0, capped: false },
    hot: false
  },
  {
    name: "10 000 wallets, 3 levels of caps",
    shape: { roots: 100, middlesPerRoot: 10, leavesPerMiddle: 10, capped: true },
    hot: false
  },
  {
    name: "1 hot wallet, 3 levels of caps",
    shape: { roots: 1, middlesPerRoot: 1, leavesPerMiddle: 1, capped: true },
    hot: true
  }
]

export const gate = (): Promise<ReadonlyArray<Line>> =>
  withArena(async (arena) => {
    const lines: Array<Line> = []
    for (const { name, shape } of shapes) {
      const forest = await plant(arena, shape)
      const watched = await plant(arena, { ...shape, watched: true })
      const pick = () => Math.floor(Math.random() * forest.spenders.length)
      const floors: Array<number> = []
      const floorsInOneGo: Array<number> = []
      const gates: Array<Measured> = []
      const gatesWatched: Array<Measured> = []
      // In turns, so that what the machine does besides concerns both alike.
      for (let round = 0; round < rounds; round++) {
        floors.push(await floor(arena, forest, pick, seconds, false))
        floorsInOneGo.push(await floor(arena, forest, pick, seconds, true))
        gates.push(await debits(arena, forest, pick, round))
        gatesWatched.push(await debits(arena, watched, pick, round))
      }
      const value = median(gates.map(({ rate }) => rate))
      lines.push(lineOf(name, gates, median(floors)))
      lines.push(lineOf(`${name}; floor in one go`, gates, median(floorsInOneGo)))
      lines.push(lineOf(`${name}; recharge and thresholds on, against off`, gatesWatched, value))
    }
    return lines
  })

const lineOf = (shape: string, measured: ReadonlyArray<Measured>, base: number): Line => {
  const value = median(measured.map(({ rate }) => rate))
  const latencies = measured.flatMap(({ latencies }) => latencies).toSorted((a, b) => a - b)
  return {
    bench: "gate",
    shape,
    unit: "debits/s",
    value: cut(value),
    floor: cut(base),
    ratio: cut(value / base, 2),
    p50: cut(quantile(latencies, 0.5), 2),
    p99: cut(quantile(latencies, 0.99), 2)
  }
}

interface Measured {
  readonly rate: number
  readonly latencies: ReadonlyArray<number>
}

const debits = async (
  { url }: Arena,
  { organization, spenders }: Forest,
  pick: () => number,
  round: number
): Promise<Measured> => {
  const database = Database.connect(url, { max: 2 })
  const trees = Trees.open(url, database, {}, (fault) => process.stderr.write(`${String(fault)}\n`))
  const latencies: Array<number> = []
  let refused = 0
  const spend = async (until: number, lane: number) => {
    for (let n = 0; performance.now() < until; n++) {
      const begun = performance.now()
      const client = spenders[pick()] ?? ""
      const key = `${round}-${lane}-${n}-${process.pid}`
      const caller = {
        organization,
        reach: null,
        actor: "bench",
        scopes: new Set<string>(),
        now: Date.now(),
        key,
        ifMatch: null
      }
      const hash = Key.hash("debit", { client, amount })
      const debit = {
        _tag: "Debit",
        client,
        amount,
        feature: null,
        allowPartial: false,
        effectiveAt: null,
        hash
      } as const
      const posted = await trees.post(caller, debit)
      if (Result.isFailure(posted)) refused++
      latencies.push(performance.now() - begun)
    }
  }
  const run = (until: number, from: number) =>
    Promise.all(Array.from({ length: inFlight }, (_, i) => spend(until, from + i)))
  // The caches fill first, as they would have after a minute's work.
  await run(performance.now() + 1_000, 0)
  latencies.length = 0
  const begun = performance.now()
  await run(begun + seconds * 1000, inFlight)
  const rate = (latencies.length * 1000) / (performance.now() - begun)
  if (process.env["BENCH_STATS"] !== undefined) process.stderr.write(`${JSON.stringify({ ...trees.stats() })}\n`)
  await trees.close()
  await database.close()
  if (refused > 0) throw new Error(`${refused} debits were refused, which none should be`)
  return { rate, latencies }
}
