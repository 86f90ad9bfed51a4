import {
  captureHold,
  consumeCredits,
  detachClient,
  leaseCredits,
  moveClient,
  type Refused,
  releaseHold,
  reserveCredits,
  reverseDebit,
  runDue,
  settleLease,
  suspendClient
} from "@capstan/billing"
import { Database, Ids, Trees } from "@capstan/store"
import { Database as Test } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { afterAll, assert, it } from "vitest"
import { changePayer } from "../../src/clients/Payer.ts"
import { credit, pool, run, spend, start } from "../World.ts"
import { estate } from "./Estate.ts"

/** Two processes, each with a gate and a cache of its own. */
const faults: Array<unknown> = []
const processes = [1, 2].map(() => {
  const trees = Trees.Trees.layer(Test.url, {}, (fault) => void faults.push(fault))
  return ManagedRuntime.make(Layer.provideMerge(trees, Database.Database.layer(Test.url, { max: 8 })))
})
afterAll(() => Promise.all(processes.map((runtime) => runtime.dispose())))

const seed = Number(process.env["CAPSTAN_SEED"] ?? Date.now() % 1_000_000)

/** Numbers below `most`, the same ones for a seed. */
const numbers = (seed: number) => {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return (most: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * most)
  }
}

const expected = new Set([
  "InsufficientCredits",
  "SpendingCapReached",
  "HoldSettled",
  "NotReversible",
  "NotAdmissible",
  "Unavailable"
])

it(
  `clients that move while they spend lose nothing, and pass no cap (CAPSTAN_SEED=${seed})`,
  { timeout: 120_000 },
  async () => {
    const own = await estate()
    const roots = [await own.client(), await own.client(), await own.client()]
    for (const root of roots) {
      await own.grant(root, 1_500)
      await own.cap(root, 800)
    }
    const clients: Array<string> = []
    for (const [i, root] of roots.entries()) {
      const child = await own.client(root, i !== 0)
      const below = await own.client(child, true)
      await own.grant(child, 200)
      await own.grant(below, 200)
      await own.cap(below, 400)
      clients.push(child, below)
    }
    const holds: Array<{ readonly id: string; readonly lease: boolean }> = []
    const debits: Array<Trees.Entry> = []
    const outcomes = new Map<string, number>()
    let clock = start
    let posted = 0

    const actor = async (n: number, steps: number) => {
      const next = numbers(seed + n)
      const pick = <A>(items: ReadonlyArray<A>): A | undefined => items[next(items.length)]
      const runtime = processes[n % 2]
      if (runtime === undefined) return
      const attempt = async <A>(
        effect: Effect.Effect<A, Refused, Database.Database | Trees.Trees>
      ): Promise<A | undefined> => {
        const result = await runtime.runPromise(Effect.result(effect))
        const outcome = Result.isSuccess(result) ? "Done" : result.failure._tag
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        return Result.isSuccess(result) ? result.success : undefined
      }
      for (let step = 0; step < steps; step++) {
        const caller = own.caller({ now: (clock += next(40)) })
        const client = pick(clients) ?? ""
        const amount = BigInt(1 + next(6)) * credit
        const { effectiveAt: _, ...ask } = spend(client, amount)
        const expiresIn = [20, 500, 60_000][next(3)] ?? 20
        if (n === 0) {
          const [parent, kind] = [pick([...roots, ...clients]) ?? "", next(8)]
          if (kind === 0) await attempt(detachClient(caller, { client }))
          else if (kind === 1) await attempt(drawing(caller, client, next(2) === 0))
          else await attempt(moveClient(caller, { client, parent }))
          continue
        }
        const action = next(10)
        if (action < 3) {
          const done = await attempt(consumeCredits(caller, spend(client, amount)))
          if (done !== undefined) debits.push(done.entry)
          posted += done === undefined ? 0 : 1
        } else if (action < 6) {
          const lease = next(3) === 0
          const done = await attempt(
            lease ? leaseCredits(caller, { ...ask, expiresIn }) : reserveCredits(caller, { ...ask, expiresIn })
          )
          if (done !== undefined) holds.push({ id: done.entry.hold ?? "", lease })
          posted += done === undefined ? 0 : 1
        } else if (action < 9 && holds.length > 0) {
          const [hold] = holds.splice(next(holds.length), 1)
          if (hold === undefined) continue
          const { id } = hold
          const done = await attempt(
            hold.lease
              ? settleLease(caller, { lease: id, spent: BigInt(next(2)) * credit })
              : next(3) === 0
                ? releaseHold(caller, { hold: id })
                : captureHold(caller, { hold: id, amount, feature: null, allowPartial: next(2) === 0 })
          )
          if (done !== undefined && done.entry.event._tag === "Captured") debits.push(done.entry)
          posted += done === undefined ? 0 : 1
        } else if (debits.length > 0) {
          const entry = pick(debits)
          if (entry === undefined) continue
          const done = await attempt(reverseDebit(caller, { entry, amount: next(2) === 0 ? null : credit }))
          posted += done === undefined ? 0 : 1
        }
      }
    }

    await Promise.all([actor(0, 60), ...[1, 2, 3, 4, 5, 6].map((n) => actor(n, 100))])
    assert.deepStrictEqual(faults, [])
    const unexpected = [...outcomes.keys()].filter((outcome) => outcome !== "Done" && !expected.has(outcome))
    assert.deepStrictEqual(unexpected, [], JSON.stringify([...outcomes]))
    const { rows } = await pool.query<{ posted: bigint; moves: bigint; halves: bigint }>(
      `select (select count(*) from entry where organization_id = $1 and namespace = 'caller' and kind <> 'Granted') as posted,
       (select count(*) from client_move where organization_id = $1) as moves,
       (select count(*) from hold where organization_id = $1 and cut_by is not null) as halves`,
      [own.organization.id]
    )
    const [counted] = rows
    assert.strictEqual(Number(counted?.posted), posted)
    assert.isAbove(Number(counted?.moves), 10)
    assert.isAbove(Number(counted?.halves), 0)
    await own.isSound()
    await run(runDue(own.organization.id, clock + 3_600_000))
    await own.isSound()
    const open = await pool.query("select from hold where organization_id = $1 and outcome is null", [
      own.organization.id
    ])
    assert.strictEqual(open.rowCount, 0)
  }
)

it("what another process knows of a client that has moved is not what it is decided by", async () => {
  const own = await estate()
  const [here, there] = [await own.client(), await own.client()]
  const client = await own.client(here, true)
  for (const root of [here, there]) await own.grant(root, 10)
  const [first, second] = processes
  const inFirst = <A>(effect: Effect.Effect<A, Refused, Database.Database | Trees.Trees>) =>
    first?.runPromise(Effect.orDie(effect))
  const spent = async () => {
    const result = await second?.runPromise(Effect.result(consumeCredits(own.caller(), spend(client, credit))))
    if (result === undefined) return assert.fail("no second process")
    return Result.isSuccess(result) ? result.success.entry.payer : result.failure._tag
  }
  const hold = await own.hold(client, 2)
  assert.strictEqual(await spent(), here)
  await inFirst(moveClient(own.caller(), { client, parent: there }))
  assert.strictEqual(await spent(), there)
  await inFirst(moveClient(own.caller(), { client, parent: here }))
  await inFirst(suspendClient(own.caller(), { client: there, reason: null, note: null }))
  assert.strictEqual(await spent(), here)
  await inFirst(moveClient(own.caller(), { client, parent: there }))
  assert.strictEqual(await spent(), "AncestorSuspended")
  const captured = await second?.runPromise(
    captureHold(own.caller(), { hold, amount: null, feature: null, allowPartial: false })
  )
  assert.strictEqual(captured?.entry.payer, here)
  await inFirst(detachClient(own.caller(), { client }))
  assert.strictEqual(await spent(), "InsufficientCredits")
  await own.isSound()
})

const drawing = (
  caller: Parameters<typeof moveClient>[0],
  client: string,
  usesParentBalance: boolean
): Effect.Effect<void, Refused, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.flatMap(
      Effect.promise(() =>
        trees.change<void, Refused>({ ...caller, key: Ids.mint() }, [client], (trx, locked) =>
          changePayer({ trx, caller, locked }, client, usesParentBalance)
        )
      ),
      Effect.fromResult
    )
  )
