import type { Refused } from "@capstan/billing"
import { Database, Trees } from "@capstan/store"
import { Database as Test } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { afterAll, assert, it } from "vitest"
import { pool, run } from "../World.ts"
import { company } from "./Company.ts"

/** Two processes, each with a gate and a cache of its own. */
const faults: Array<unknown> = []
const processes = [1, 2].map(() => {
  const trees = Trees.Trees.layer(Test.url, {}, (fault) => void faults.push(fault))
  return ManagedRuntime.make(Layer.provideMerge(trees, Database.Database.layer(Test.url, { max: 10 })))
})
afterAll(() => Promise.all(processes.map((runtime) => runtime.dispose())))

type Asked<A> = Effect.Effect<A, Refused, Database.Database | Trees.Trees>

/** All of them at once, by turns in either process; those that found no time in the crowd come again. */
const atOnce = <A>(asked: ReadonlyArray<Asked<A>>): Promise<ReadonlyArray<Result.Result<A, Refused>>> =>
  Promise.all(
    asked.map(async (effect, n) => {
      while (true) {
        const runtime = processes[n % processes.length]
        const result = await runtime?.runPromise(Effect.result(effect))
        if (result === undefined) return assert.fail("no process")
        if (Result.isSuccess(result) || result.failure._tag !== "Unavailable") return result
      }
    })
  )

const done = <A>(results: ReadonlyArray<Result.Result<A, Refused>>): ReadonlyArray<A> =>
  results.flatMap((result) => (Result.isSuccess(result) ? [result.success] : []))

const reasons = (results: ReadonlyArray<Result.Result<unknown, Refused>>): ReadonlyArray<string> => [
  ...new Set(
    results.flatMap((result) =>
      Result.isSuccess(result) ? [] : ["reason" in result.failure ? String(result.failure.reason) : result.failure._tag]
    )
  )
]

const fifty = Array.from({ length: 50 }, (_, n) => `p${n}`)

it("of fifty invitations at once for ten seats ten are made; fifty acceptances of them make ten members", async () => {
  const own = await company(10)
  const invited = await atOnce(fifty.map((name) => own.invite(name)))
  const invitations = done(invited)
  assert.strictEqual(invitations.length, 10)
  assert.deepStrictEqual(reasons(invited), ["no_seat"])
  assert.deepStrictEqual(await own.seats(), { seatsLimit: 10, members: 0, invitations: 10 })

  const accepted = await atOnce(invitations.flatMap(({ id }) => Array.from({ length: 5 }, () => own.accept(id))))
  assert.deepStrictEqual(reasons(accepted), [])
  const members = new Set(done(accepted).map(({ member }) => member?.id))
  assert.strictEqual(members.size, 10)
  assert.deepStrictEqual(await own.seats(), { seatsLimit: 10, members: 10, invitations: 0 })
  assert.deepStrictEqual(faults, [])
  await own.isSound()
})

it("of fifty members and invitations at once for ten seats ten get one", async () => {
  const own = await company(10)
  const asked = await atOnce<unknown>(fifty.map((name, n) => (n % 4 < 2 ? own.add(name) : own.invite(name))))
  assert.strictEqual(done(asked).length, 10)
  assert.deepStrictEqual(reasons(asked), ["no_seat"])
  const { members = 0, invitations = 0 } = (await own.seats()) ?? {}
  assert.strictEqual(members + invitations, 10)
  await own.isSound()
})

it("one address joins once, however often and however it is asked for", async () => {
  const own = await company(10)
  const asked = await atOnce<unknown>(
    fifty.slice(0, 20).map((_, n) => (n % 4 < 2 ? own.add("ada") : own.invite("ada", { email: "ADA@example.com" })))
  )
  const { members = 0, invitations = 0 } = (await own.seats()) ?? {}
  assert.strictEqual(members + invitations, 1)
  assert.isAtMost(done(asked).length, 2)
  for (const reason of reasons(asked)) assert.include(["already_invited", "already_member"], reason)
  await own.isSound()
})

it("promotions at once leave one owner, and everybody else", async () => {
  const own = await company()
  const people = []
  for (const name of fifty.slice(0, 6)) people.push(await run(own.add(name)))
  const [, ...others] = people
  const promoted = await atOnce(
    [...others, ...others, ...others].map(({ id }) => own.change(id, { role: "OWNER" }, own.at()))
  )
  assert.deepStrictEqual(reasons(promoted), [])
  const { rows } = await pool.query<{ role: string }>("select role from member where client_id = $1", [own.client])
  assert.strictEqual(rows.filter(({ role }) => role === "OWNER").length, 1)
  assert.strictEqual(rows.length, people.length)
  await own.isSound()
})

it("seats are taken away while they are taken: there are never more people than seats", async () => {
  const own = await company(20)
  const asked: ReadonlyArray<Asked<unknown>> = fifty.map((name, n) =>
    n % 5 === 4 ? own.reseat(20 - Math.floor(n / 5)) : own.invite(name)
  )
  const results = await atOnce(asked)
  for (const reason of reasons(results)) assert.include(["no_seat", "SeatsTaken"], reason)
  const { seatsLimit, members = 0, invitations = 0 } = (await own.seats()) ?? {}
  assert.isAtMost(members + invitations, seatsLimit ?? 0)
  await own.isSound()
})
