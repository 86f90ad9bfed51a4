import fs from "node:fs"
import path from "node:path"
import { Rate } from "@capstan/domain"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as Traffic from "../src/replay/Traffic.ts"
import * as Capstan from "./Capstan.ts"

const dir = Capstan.folder()
const file = path.join(dir, "traffic.csv")
const rows = 2_000
let started: Capstan.Run
let environment: Record<string, string>

beforeAll(async () => {
  const lines = Array.from({ length: rows }, (_, i) => `${i * 10},${(i * 7919) % 5_000},${(i * 104_729) % 700},0`)
  fs.writeFileSync(file, ["timestamp_ms,input_tokens,output_tokens,cached_input_tokens", ...lines, ""].join("\n"))
  environment = { CAPSTAN_DIR: path.join(dir, "capstan"), PORT: `${await Capstan.freePort()}` }
  started = Capstan.run(["start"], environment)
  await Capstan.whenSaid(started, "Ctrl-C stops it")
})
afterAll(async () => {
  started.child.kill("SIGTERM")
  await started.ended
  fs.rmSync(dir, { recursive: true, force: true })
})

const terms = (run: string) => ["replay", file, "--clients", "5", "--in-flight", "16", "--cap", "10", "--run", run]

interface Totals {
  readonly accepted: number
  readonly replayed: number
  readonly refused: number
}

const totalsOf = (output: string): Totals => {
  assert.include(output, "All rows are accounted for.")
  const [, accepted, replayed, refused, unanswered] =
    /(\d+) accepted, (\d+) of them replayed .*; (\d+) refused; (\d+) unanswered/.exec(output) ?? []
  assert.strictEqual(Number(unanswered), 0)
  assert.strictEqual(Number(accepted) + Number(refused), rows)
  return { accepted: Number(accepted), replayed: Number(replayed), refused: Number(refused) }
}

const replayed = async (run: string): Promise<Totals> => {
  const replay = Capstan.run(terms(run), environment)
  assert.strictEqual(await replay.ended, 0, replay.output())
  return totalsOf(replay.output())
}

/** Column by column, for each client of a run. */
const lines = (output: string, run: string) =>
  output
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/))
    .filter(([name]) => name?.startsWith(`replay-${run}-`))

const healthy = async () => {
  const doctor = Capstan.run(["doctor"], environment)
  assert.strictEqual(await doctor.ended, 0, doctor.output())
}

describe("capstan replay", () => {
  it("accounts for every row, and answers the same run from the first", async () => {
    const first = await replayed("twice")
    assert.isAbove(first.accepted, 0)
    assert.isAbove(first.refused, 0)
    assert.strictEqual(first.replayed, 0)
    const second = await replayed("twice")
    assert.isAtLeast(second.replayed, first.accepted)
    // Other terms would debit rows twice.
    for (const [option, value] of [
      ["--clients", "6"],
      ["--prices", "1,1,1"]
    ] as const) {
      const other = Capstan.run([...terms("twice"), option, value], environment)
      assert.strictEqual(await other.ended, 1)
      assert.include(other.output(), `The run twice was begun with ${option}`)
    }
    await healthy()
  })

  it("loses and doubles nothing where the api is killed halfway", async () => {
    const replay = Capstan.run([...terms("killed"), "--speed", "5"], environment)
    await Capstan.until("a debit", async () => {
      const { metrics } = await fetch(`http://127.0.0.1:${environment["PORT"]}/metrics`)
        .then(async (response) => ({ metrics: await response.text() }))
        .catch(() => ({ metrics: "" }))
      return /credits\.consume[^\n]*code="ok"[^\n]* [1-9]\d{2,}/.test(metrics) || replay.child.exitCode !== null
    })
    const api = Capstan.childrenOf(started.child.pid ?? 0).find(({ what }) => what.includes("/api/"))
    process.kill(api?.pid ?? 0, "SIGKILL")
    assert.strictEqual(await replay.ended, 0, replay.output())
    const first = totalsOf(replay.output())
    assert.notMatch(replay.output(), / 0 requests sent again/)
    const again = Capstan.run(terms("killed"), environment)
    assert.strictEqual(await again.ended, 0, again.output())
    assert.isAtLeast(totalsOf(again.output()).replayed, first.accepted)
    // What all accepted rows come to is what the ledger has counted in the caps, to a millionth of a cent.
    for (const [name, , spent, , ...rest] of lines(again.output(), "killed")) {
      const used = rest.at(-2)
      assert.strictEqual((Number(spent) / 100).toFixed(8), Number(used).toFixed(8), name)
    }
    await healthy()
  })

  it("says what is wrong with a file, a token, an address, before it sends anything", async () => {
    const refused = async (args: ReadonlyArray<string>, environment_ = environment) => {
      const replay = Capstan.run(["replay", ...args], environment_)
      assert.strictEqual(await replay.ended, 1)
      return replay.output()
    }
    const bad = path.join(dir, "bad.csv")
    fs.writeFileSync(bad, "timestamp_ms,input_tokens,output_tokens,cached_input_tokens\n0,1,1,0\n0,x,1,0\n")
    assert.include(await refused([bad]), `Row 2 of ${bad} has no whole number for input_tokens: mend the file.`)
    assert.include(await refused([path.join(dir, "none.csv")]), "Cannot read")
    assert.include(
      await refused([file], { CAPSTAN_DIR: path.join(dir, "none") }),
      "There is no token: start Capstan once"
    )
    assert.include(await refused([file, "--token", "capstan_no"]), "The API did not do it")
    assert.include(await refused([file, "--clients", "0"]), "It must be a whole number from 1 to 10000.")
  })
})

it("a row costs the exact sum of its tokens, rounded up once", () => {
  const prices = { input: Rate.parse("0.0000001"), cached: Rate.parse("0.5"), output: Rate.parse("2") }
  assert.strictEqual(Traffic.priceOf(prices, { input: 1n, cached: 0n, output: 0n }), 1n)
  assert.strictEqual(Traffic.priceOf(prices, { input: 23n, cached: 2n, output: 3n }), 7_000_003n)
  assert.strictEqual(Traffic.priceOf(prices, { input: 0n, cached: 0n, output: 0n }), 0n)
})
