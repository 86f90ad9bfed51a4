import { assert, describe, it } from "@effect/vitest"
import { v7 } from "uuid"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"
import { Wire } from "@capstan/testing"

const { check, credit, debit, outcome } = Arena
const arena = Arena.open()

const trees = async (gate: ReturnType<typeof arena.gate>, count: number) => {
  const tenant = await Arena.tenant(arena)
  const clients = await Promise.all(Array.from({ length: count }, () => tenant.client()))
  for (const client of clients) await Arena.grant(gate, tenant.caller(), client, Arena.lot(1_000n * credit))
  const spend = async (client: string, amount = credit) =>
    outcome(await gate.post(tenant.caller(), debit(client, amount)))
  return { tenant, clients, spend }
}

describe("a root locked from outside", () => {
  it("for 5 s holds up its own tree, and no other", async () => {
    const gate = arena.gate()
    const { tenant, clients, spend } = await trees(gate, 30)
    const [locked = "", ...free] = clients
    for (const client of clients) assert.strictEqual(await spend(client), "Posted")
    const other = await arena.session()
    await other.lock(tenant.id, locked)
    let released = false
    const release = Arena.pause(5_000).then(() => {
      released = true
      return other.rollback()
    })
    const waiting = Array.from({ length: 10 }, () => spend(locked))
    // Others keep asking, each at once after its answer, and each gets answers up to the end.
    const answers = await Promise.all(
      free.map(async (client) => {
        let before = 0
        while (!released) {
          assert.strictEqual(await spend(client, 1n), "Posted")
          if (!released) before++
        }
        return before
      })
    )
    for (const before of answers) assert.isAbove(before, 5)
    await release
    for (const answer of await Promise.all(waiting)) assert.oneOf(answer, ["Posted", "Unavailable", "OutcomeUnknown"])
    assert.strictEqual(await spend(locked), "Posted")
    await audit(arena.pool, tenant.id)
  })

  it("for a moment: what waited for it is answered", async () => {
    const gate = arena.gate()
    const { tenant, clients, spend } = await trees(gate, 1)
    const [client = ""] = clients
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const answer = spend(client)
    await other.waitedFor(1, answer)
    await other.notWaitedFor()
    await other.waitedFor(1, answer)
    await other.rollback()
    assert.strictEqual(await answer, "Posted")
  })

  it("of more trees than go on by themselves: the others are answered all the same", async () => {
    const gate = arena.gate()
    const { tenant, clients, spend } = await trees(gate, 40)
    for (const client of clients) assert.strictEqual(await spend(client), "Posted")
    const [locked, free] = [clients.slice(0, 12), clients.slice(12)]
    const other = await arena.session()
    await other.lock(tenant.id, ...locked)
    const waiting = locked.map((client) => spend(client))
    for (let times = 0; times < 3; times++)
      assert.deepStrictEqual(new Set(await Promise.all(free.map((client) => spend(client)))), new Set(["Posted"]))
    await other.rollback()
    assert.deepStrictEqual(new Set(await Promise.all(waiting)), new Set(["Posted"]))
  })

  it("keeps the locked door waiting as long, and then refuses it", async () => {
    const gate = arena.gate()
    const { tenant, clients } = await trees(gate, 2)
    const [locked = "", free = ""] = clients
    const other = await arena.session()
    await other.lock(tenant.id, locked)
    const suspended = Arena.suspend(gate, tenant.caller(), locked)
    assert.strictEqual((await Arena.suspend(gate, tenant.caller(), free))._tag, "Success")
    const answer = await suspended
    assert.deepStrictEqual(answer._tag === "Failure" ? answer.failure : answer, {
      _tag: "Unavailable",
      reason: "deadline_passed",
      retryAfterMs: 250
    })
    await other.rollback()
    assert.strictEqual((await Arena.suspend(gate, tenant.caller(), locked))._tag, "Success")
  })
})

describe("everything is bounded", () => {
  it("a full queue turns requests away, and takes them again later", async () => {
    const gate = arena.gate({ queue: 10 })
    const { tenant, clients, spend } = await trees(gate, 1)
    const [client = ""] = clients
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const waiting = Array.from({ length: 10 }, () => spend(client))
    assert.deepStrictEqual(await Promise.all([spend(client), spend(client)]), ["Unavailable", "Unavailable"])
    assert.strictEqual(gate.stats().queued, 10)
    await other.rollback()
    assert.deepStrictEqual(new Set(await Promise.all(waiting)), new Set(["Posted"]))
    assert.strictEqual(await spend(client), "Posted")
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 11)
  })

  it("a request past its deadline in the queue was not carried out, and is told so", async () => {
    const wire = await Wire.open(arena.url)
    const gate = arena.gate({ inFlight: 1, deadline: 400 }, wire.url)
    const { tenant, clients, spend } = await trees(gate, 1)
    const [client = ""] = clients
    assert.strictEqual(await spend(client), "Posted")
    wire.mute()
    const first = spend(client, 2n * credit)
    while ((await Arena.entries(arena, tenant, client, "Debited")) < 2) await Arena.pause(5)
    // The first is in flight; this one waits behind it.
    const second = spend(client, 3n * credit)
    assert.deepStrictEqual([await first, await second], ["OutcomeUnknown", "Unavailable"])
    wire.cut()
    await gate.close()
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 2)
    await audit(arena.pool, tenant.id)
  })

  it("a request past its deadline in flight may have been carried out: its key finds out", async () => {
    const wire = await Wire.open(arena.url)
    const gate = arena.gate({ inFlight: 1, deadline: 400 }, wire.url)
    const { tenant, clients, spend } = await trees(gate, 1)
    const [client = ""] = clients
    assert.strictEqual(await spend(client), "Posted")
    wire.mute()
    const caller = tenant.caller()
    assert.strictEqual(outcome(await gate.post(caller, debit(client, credit))), "OutcomeUnknown")
    wire.cut()
    for (;;) {
      const answer = outcome(await gate.post(caller, debit(client, credit)))
      if (answer === "Unavailable" || answer === "OutcomeUnknown") continue
      assert.strictEqual(answer, "Replayed")
      break
    }
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 2)
    await audit(arena.pool, tenant.id)
  })

  it("a check past its deadline has done nothing, wherever it was", async () => {
    const wire = await Wire.open(arena.url)
    const gate = arena.gate({ inFlight: 1, deadline: 400 }, wire.url)
    const { tenant, clients, spend } = await trees(gate, 1)
    const [client = ""] = clients
    assert.strictEqual(await spend(client), "Posted")
    wire.mute()
    const checked = await gate.post(tenant.caller(), check(client, credit))
    assert.strictEqual(checked._tag === "Failure" ? checked.failure._tag : "Checked", "Unavailable")
    wire.cut()
  })

  it("a request past its deadline before its tree was found was not carried out", async () => {
    const wire = await Wire.open(arena.url)
    const gate = arena.gate({ inFlight: 1, deadline: 400 }, wire.url)
    const { tenant, clients, spend } = await trees(gate, 1)
    const unknown = await tenant.client()
    assert.strictEqual(await spend(clients[0] ?? ""), "Posted")
    wire.mute()
    assert.strictEqual(await spend(unknown), "Unavailable")
    wire.cut()
  })

  it("closing waits for what is under way, and leaves no session behind", async () => {
    const name = v7()
    const gate = arena.gate({ batch: 5 }, `${arena.url}?application_name=${name}`)
    const sessions = async () =>
      (await arena.pool.query("select from pg_stat_activity where application_name = $1", [name])).rowCount
    const { tenant, clients, spend } = await trees(gate, 5)
    assert.strictEqual(await spend(clients[0] ?? ""), "Posted")
    assert.notStrictEqual(await sessions(), 0)
    const answers = Array.from({ length: 500 }, (_, i) => spend(clients[i % 5] ?? ""))
    let open = true
    const closed = gate.close().then(() => (open = false))
    assert.deepStrictEqual(new Set(await Promise.all(answers)), new Set(["Posted"]))
    assert.isTrue(open)
    await closed
    while ((await sessions()) !== 0) await Arena.pause(10)
    await audit(arena.pool, tenant.id)
  })
})
