/**
 * Whatever comes between whatever: over trees of three levels no hard cap and no balance is passed, the ledger sums to the
 * balances, no debit is refused while uncounted credits cover it, whoever is killed in the middle.
 *
 * What is asked depends on CAPSTAN_SEED and CAPSTAN_STEPS alone; in which order it is committed, on the machine. Whatever
 * that order was, a naive oracle follows it.
 */
import { Database, Doctor } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { afterAll } from "vitest"
import * as Journal from "./interleavings/Journal.ts"
import * as Script from "./interleavings/Script.ts"
import * as Stage from "./interleavings/Stage.ts"
import * as Verdict from "./interleavings/Verdict.ts"

const steps = Number(process.env["CAPSTAN_STEPS"] ?? 100_000)
const seed = Number(process.env["CAPSTAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const organizations = Math.min(4, Math.ceil(steps / 2_000))
const replayed = `CAPSTAN_SEED=${seed} CAPSTAN_STEPS=${steps}`
const limit = 600_000

const clone = await TestDatabase.clone()
const pool = TestDatabase.pool(clone.url)
await Journal.begin(pool)
const house = new Stage.House(clone.url)
afterAll(async () => {
  await house.close()
  await pool.end()
  await clone.drop()
}, limit)

describe(`arbitrary interleavings (${replayed})`, () => {
  let stages: ReadonlyArray<Stage.Stage> = []

  it("are answered, whoever is killed in the middle", { timeout: limit }, async () => {
    const began = performance.now()
    stages = await Promise.all(
      Array.from({ length: organizations }, (_, n) => {
        const share = Math.floor(steps / organizations)
        return Stage.play(house, pool, Script.waves(seed + n * 7_919, share), `${n}`)
      })
    )
    const seconds = (performance.now() - began) / 1_000
    console.log(`${replayed}: ${steps} steps in ${seconds.toFixed(1)} s, ${house.crashes} crashes`)
    assert.deepStrictEqual(house.defects, [], replayed)
  })

  it("are what the rules allow, entry by entry and refusal by refusal", { timeout: limit }, async () => {
    const began = performance.now()
    for (const [n, stage] of stages.entries()) {
      try {
        const { refusals, ...tally } = await Verdict.judge(pool, stage)
        console.log(`organization ${n}: ${JSON.stringify({ ...tally, ...Object.fromEntries(refusals) })}`)
        assert.isAbove(tally.succeeded, 0)
      } catch (error) {
        throw new Error(`${replayed}, organization ${n}`, { cause: error })
      }
    }
    console.log(`judged in ${((performance.now() - began) / 1_000).toFixed(1)} s`)
  })

  it("leave nothing for doctor to find", { timeout: limit }, async () => {
    const database = Database.connect(clone.url, { max: 2 })
    const findings = await Doctor.examine(database)
    await database.close()
    assert.deepStrictEqual(
      findings.filter(({ differences }) => differences > 0),
      [],
      replayed
    )
  })
})
