import fs from "node:fs"
import path from "node:path"
import zlib from "node:zlib"
import { Rate } from "@capstan/domain"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as ServeGen from "../src/replay/ServeGen.ts"
import * as Capstan from "./Capstan.ts"

const dir = Capstan.folder()
const folder = path.join(dir, "servegen")
const clients = 12
const busiest = 8
const prices = { input: Rate.parse("0.001"), cached: Rate.parse("0"), output: Rate.parse("0.004") }
const terms = { busiest, debits: 900, seed: 1, prices }

/** Twelve clients, each with two thirds of the requests of the one before; every third has no sizes of its own. */
const write = (): void => {
  const requests = (n: number, window: number) => Math.round((40_000 * (2 / 3) ** n) / 18) * (window % 3 === 0 ? 3 : 1)
  const windows = Array.from({ length: 12 }, (_, window) => window)
  const total = (n: number) => windows.reduce((sum, window) => sum + requests(n, window), 0)
  const zip = (name: string, lines: ReadonlyArray<string>) =>
    fs.writeFileSync(path.join(folder, name), zlib.gzipSync([...lines, ""].join("\n")))
  fs.mkdirSync(folder, { recursive: true })
  const all = Array.from({ length: clients }, (_, n) => n)
  const index = all.map((n) => `m/${n},language,m,12,6600,12,${total(n)},${n % 3 === 2 ? "False" : "True"}`)
  const head = "client,category,model,windows,last_window_s,active_windows,requests,token_data"
  fs.writeFileSync(path.join(folder, "clients.csv"), [head, ...index, ""].join("\n"))
  zip("client_windows.csv.gz", [
    "client,window_start_s,requests,cv,dist,shape,scale",
    ...all.flatMap((n) =>
      windows.map((w) => `m/${n},${w * 600},${requests(n, w)},2.5,${n % 2 === 0 ? "Gamma" : "Weibull"},0.4,1`)
    )
  ])
  zip("client_tokens.csv.gz", [
    "client,span_start_s,metric,mean,p10,p50,p90,p99,max",
    ...all
      .filter((n) => n % 3 !== 2)
      .flatMap((n) => [
        `m/${n},0,input_tokens,500,100,400,900,3000,8000`,
        `m/${n},0,output_tokens,300,20,200,700,1500,2000`
      ])
  ])
}

let started: Capstan.Run
let environment: Record<string, string>

beforeAll(async () => {
  write()
  environment = { CAPSTAN_DIR: path.join(dir, "capstan"), PORT: `${await Capstan.freePort()}` }
  started = Capstan.run(["start"], environment)
  await Capstan.whenSaid(started, "Ctrl-C stops it")
})
afterAll(async () => {
  started.child.kill("SIGTERM")
  await started.ended
  fs.rmSync(dir, { recursive: true, force: true })
})

describe("ServeGen, scaled", () => {
  it("is the same for a seed, in the order of time, and keeps the skew and the bursts", async () => {
    const plan = await ServeGen.plan(folder, terms)
    const items = [...plan.read()]
    assert.deepStrictEqual(
      items.map(({ row }) => row),
      items.map((_, i) => i + 1)
    )
    assert.strictEqual(items.length, plan.rows)
    assert.closeTo(plan.rows, terms.debits, busiest)
    assert.isTrue(items.every(({ atMs }, i) => i === 0 || atMs >= (items[i - 1]?.atMs ?? 0)))
    const recorded = plan.clients.reduce((sum, { requests }) => sum + requests, 0)
    for (const { debits, requests } of plan.clients)
      assert.closeTo(debits, (terms.debits * requests) / recorded, 1.000_001)
    // A window in three has three times as many.
    const inBursts = items.filter(({ atMs }) => Math.floor(atMs / 600_000) % 3 === 0).length
    assert.closeTo(inBursts / items.length, 3 / 5, 0.05)
    assert.isTrue(items.every(({ amount }) => amount <= 16_000_000n))
    assert.deepStrictEqual([...(await ServeGen.plan(folder, terms)).read()], items)
    assert.notDeepEqual([...(await ServeGen.plan(folder, { ...terms, seed: 2 })).read()], items)
  })

  it("runs through caps of three levels and recharges, and what was charged was granted", async () => {
    const args = [
      "replay",
      folder,
      "--busiest",
      `${busiest}`,
      "--debits",
      "900",
      "--in-flight",
      "8",
      "--run",
      "made-up"
    ]
    const replay = async (more: ReadonlyArray<string>): Promise<string> => {
      const run = Capstan.run([...args, ...more], environment)
      assert.strictEqual(await run.ended, 0, run.output())
      assert.include(run.output(), "All rows are accounted for.")
      assert.include(run.output(), "8 clients of 1 resellers of one agency")
      assert.match(run.output(), /granted [1-9]\d* credits at one minor unit each: even\./)
      return run.output()
    }
    const count = (output: string, what: RegExp): number => Number(what.exec(output)?.[1])
    const first = await replay([])
    assert.isAbove(count(first, /Caps refused (\d+) by the client's own/), 0)
    assert.isAbove(count(first, /Recharges: (\d+) bought/), 0)
    assert.strictEqual(count(first, /(\d+) of them replayed/), 0)
    const second = await replay(["--batch", "50"])
    assert.isAtLeast(count(second, /(\d+) of them replayed/), count(first, /(\d+) accepted/))
    const other = Capstan.run([...args, "--seed", "2"], environment)
    assert.strictEqual(await other.ended, 1)
    assert.include(other.output(), "The run made-up was begun with --seed 1")
    const doctor = Capstan.run(["doctor"], environment)
    assert.strictEqual(await doctor.ended, 0, doctor.output())
  })

  it("skips a folder without its tables", async () => {
    const empty = path.join(dir, "empty")
    fs.mkdirSync(empty)
    const run = Capstan.run(["replay", empty], environment)
    assert.strictEqual(await run.ended, 0)
    assert.include(run.output(), "has no tables of ServeGen: nothing is replayed.")
  })
})
