import { assert, describe, it } from "@effect/vitest"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { credit, debit, outcome } = Arena
const arena = Arena.open()

/** No caller that is checked can ask for it: the decider meets a number where it counts on a bigint. */
const absurd = 1.5 as unknown as bigint

describe("a gate goes on after a defect", () => {
  it("which is told once, answered, and leaves nothing behind", async () => {
    const faults: Array<unknown> = []
    const gate = arena.gate({ inFlight: 1 }, arena.url, (error) => faults.push(error))
    const tenant = await Arena.tenant(arena)
    const client = await tenant.client()
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
    const spend = async (amount: bigint) => outcome(await gate.post(tenant.caller(), debit(client, amount)))
    assert.strictEqual(await spend(credit), "Posted")
    for (let times = 1; times <= 3; times++) {
      assert.strictEqual(await spend(absurd), "OutcomeUnknown")
      assert.strictEqual(faults.length, times)
      assert.instanceOf(faults[times - 1], TypeError)
      assert.strictEqual(await spend(credit), "Posted")
    }
    assert.strictEqual(gate.stats().fenced, 0)
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 4)
    await audit(arena.pool, tenant.id)
  })

  it("also where a tree goes on by itself", async () => {
    const gate = arena.gate({ inFlight: 1 })
    const tenant = await Arena.tenant(arena)
    const client = await tenant.client()
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
    const spend = async (amount: bigint) => outcome(await gate.post(tenant.caller(), debit(client, amount)))
    assert.strictEqual(await spend(credit), "Posted")
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const answer = spend(credit)
    await other.waitedFor(1, answer)
    // By the second time it waits, its tree is on its own.
    await other.notWaitedFor()
    const defect = spend(absurd)
    await other.waitedFor(1, defect)
    await other.rollback()
    assert.oneOf(await answer, ["Posted", "OutcomeUnknown"])
    assert.strictEqual(await defect, "OutcomeUnknown")
    assert.strictEqual(await spend(credit), "Posted")
    await audit(arena.pool, tenant.id)
  })
})

describe("one key with many payloads", () => {
  it("takes no longer than the deadline, and counts as waiting", async () => {
    const gate = arena.gate({ inFlight: 1, deadline: 600 })
    const tenant = await Arena.tenant(arena)
    const client = await tenant.client()
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
    const caller = tenant.caller()
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const start = performance.now()
    const answers = Array.from({ length: 5 }, (_, i) => gate.post(caller, debit(client, BigInt(i + 1) * credit)))
    assert.strictEqual(gate.stats().queued, 5)
    for (const answer of await Promise.all(answers)) assert.oneOf(outcome(answer), ["OutcomeUnknown", "Unavailable"])
    assert.isBelow(performance.now() - start, 1_500)
    assert.strictEqual(gate.stats().queued, 0)
    await other.rollback()
  })
})
