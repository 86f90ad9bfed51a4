/** Leases through the gate: what nobody settles is captured whole, whoever comes by first. */
import { assert, describe, it } from "@effect/vitest"
import { Database as TestDatabase } from "@capstan/testing"
import { v7 } from "uuid"
import { afterAll, onTestFinished } from "vitest"
import { examine } from "../../src/doctor/Doctor.ts"
import * as Database from "../../src/Database.ts"
import * as Arena from "./Arena.ts"
import { balance, capture, credit, debit, entryOf, holdOf, lease, minute, outcome, release, settle } from "./Arena.ts"
import { audit } from "./Audit.ts"

const arena = Arena.open()
const gate = arena.gate()
const elsewhere = arena.gate()

/** A client with 10 credits under a cap of 10 that count in it, 6 of them leased. */
const leased = async () => {
  const tenant = await Arena.tenant(arena)
  const client = await tenant.client()
  await Arena.cap(gate, tenant.caller(), client, { limit: 10n * credit })
  await Arena.grant(gate, tenant.caller(), client, Arena.lot(10n * credit))
  const hold = holdOf(await gate.post(tenant.caller(), lease(client, 6n * credit)))
  return { tenant, client, hold, at: (ms: number) => tenant.caller({ now: Arena.now + ms }) }
}

describe("a lease", () => {
  it("sets its slice aside under every cap", async () => {
    const { client, at } = await leased()
    assert.strictEqual(outcome(await elsewhere.post(at(1), debit(client, 5n * credit))), "InsufficientCredits")
    assert.strictEqual(outcome(await elsewhere.post(at(1), debit(client, 4n * credit))), "Posted")
    assert.strictEqual(outcome(await elsewhere.post(at(1), lease(client, 1n))), "InsufficientCredits")
  })

  it("is settled once with what was spent: the same key gets the same answer, another one does not", async () => {
    const { tenant, client, hold, at } = await leased()
    const key = v7()
    const first = entryOf(await gate.post({ ...at(1), key }, settle(hold, 2n * credit)))
    assert.strictEqual(first.amount, 2n * credit)
    const again = await elsewhere.post({ ...at(2), key }, settle(hold, 2n * credit))
    assert.strictEqual(outcome(again), "Replayed")
    assert.deepStrictEqual(entryOf(again), first)
    assert.strictEqual(outcome(await gate.post({ ...at(2), key }, settle(hold, 3n * credit))), "KeyReused")
    assert.strictEqual(outcome(await gate.post(at(2), settle(hold, 2n * credit))), "HoldSettled")
    assert.strictEqual(await balance(gate, at(3), client), 8n * credit)
    await audit(arena.pool, tenant.id)
  })

  it("is captured whole where nobody settled it in time, by whichever process looks next", async () => {
    const { tenant, client, hold, at } = await leased()
    const late = await elsewhere.post(at(minute), settle(hold, 0n))
    assert.strictEqual(outcome(late), "HoldSettled")
    assert.strictEqual(outcome(await elsewhere.post(at(minute), debit(client, 5n * credit))), "InsufficientCredits")
    assert.strictEqual(outcome(await elsewhere.post(at(minute), debit(client, 4n * credit))), "Posted")
    assert.strictEqual(await balance(gate, at(minute), client), 0n)
    const { rows } = await arena.pool.query(
      "select kind, namespace, amount, effective_at from entry where organization_id = $1 and hold_id = $2 and seq > 2",
      [tenant.id, hold]
    )
    const ended = new Date(Arena.now + minute)
    assert.deepStrictEqual(rows, [{ kind: "Captured", namespace: "lapse", amount: 6n * credit, effective_at: ended }])
    await audit(arena.pool, tenant.id)
  })

  it("is neither captured nor released, and an ordinary hold is not settled", async () => {
    const { client, hold, at } = await leased()
    assert.strictEqual(outcome(await gate.post(at(1), capture(hold))), "HoldIsLease")
    assert.strictEqual(outcome(await gate.post(at(1), release(hold))), "HoldIsLease")
    assert.strictEqual(outcome(await gate.post(at(1), settle(hold, 6n * credit + 1n))), "BeyondLease")
    const other = holdOf(await gate.post(at(1), Arena.reserve(client, credit)))
    assert.strictEqual(outcome(await gate.post(at(1), settle(other, 0n))), "HoldNotLease")
  })

  it("settled on behalf of a caller's key leaves that key to the caller, in one batch and in two", async () => {
    const { tenant, client, hold, at } = await leased()
    const caller = { ...at(1), key: v7() }
    const both = await Promise.all([
      gate.post(caller, settle(hold, credit, "lease")),
      gate.post(caller, lease(client, 4n * credit))
    ])
    assert.deepStrictEqual(both.map(outcome), ["Posted", "Posted"])
    const again = await Promise.all([
      elsewhere.post(caller, settle(hold, credit, "lease")),
      elsewhere.post(caller, lease(client, 4n * credit))
    ])
    assert.deepStrictEqual(again.map(outcome), ["Replayed", "Replayed"])
    assert.deepStrictEqual(again.map(entryOf), both.map(entryOf))
    await audit(arena.pool, tenant.id)
  })
})

it("doctor tells where the end of a lease gave something back, and that of another hold did not", async () => {
  const { url, drop } = await TestDatabase.clone()
  const arena = Arena.open(url)
  afterAll(drop)
  const gate = arena.gate()
  const tenant = await Arena.tenant(arena)
  const client = await tenant.client()
  await Arena.grant(gate, tenant.caller(), client, Arena.lot(10n * credit))
  const caller = (ms: number) => tenant.caller({ now: Arena.now + ms })
  const leased = holdOf(await gate.post(caller(0), lease(client, credit)))
  const held = holdOf(await gate.post(caller(0), Arena.reserve(client, credit)))
  assert.strictEqual(outcome(await gate.post(caller(minute), debit(client, credit))), "Posted")
  const database = Database.connect(url, { max: 2 })
  onTestFinished(() => database.close())
  const told = async () =>
    (await examine(database)).flatMap(({ name, examples }) => examples.map(({ where }) => `${name}: ${where}`))
  const set = (hold: string, atEnd: string) =>
    arena.pool.query("update hold set at_end = $3 where organization_id = $1 and id = $2", [tenant.id, hold, atEnd])
  assert.deepStrictEqual(await told(), [])
  await set(leased, "release")
  await set(held, "capture")
  assert.deepStrictEqual(
    new Set(await told()),
    new Set([`settled: the end of hold ${leased}`, `settled: the end of hold ${held}`])
  )
})
