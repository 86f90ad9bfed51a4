import { assert, describe, it } from "@effect/vitest"
import type { Caller } from "../../src/Caller.ts"
import type * as Trees from "../../src/Trees.ts"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"
import { Wire } from "@capstan/testing"

const { credit, day, debit, outcome } = Arena
const arena = Arena.open()

/** Long enough for what a test does while a statement waits. */
const patient = (url: string): string => Object.assign(new URL(url), { search: "?options=-c%20lock_timeout%3D5s" }).href

/** A gate on a wire, with a connection that has been used, and a tree in its cache. */
const wired = async (options: Partial<Trees.Options> = {}, at = patient) => {
  const wire = await Wire.open(arena.url)
  const gate = arena.gate({ inFlight: 1, deadline: 10_000, ...options }, at(wire.url))
  const tenant = await Arena.tenant(arena)
  const client = await tenant.client()
  await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
  assert.strictEqual(outcome(await gate.post(tenant.caller(), debit(client, credit))), "Posted")
  const debits = () => Arena.entries(arena, tenant, client, "Debited")
  return { wire, gate, tenant, client, debits }
}

describe("a connection cut", () => {
  it("before the statement reached the server: it is carried out once", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    const { arrived } = wire.hold()
    const answer = gate.post(tenant.caller(), debit(client, credit))
    await arrived
    wire.cut()
    assert.strictEqual(outcome(await answer), "Posted")
    assert.strictEqual(await debits(), 2)
    await audit(arena.pool, tenant.id)
  })

  it("while the statement is on its way: it arrives late, and writes nothing", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    const { arrived } = wire.hold()
    const answer = gate.post(tenant.caller(), debit(client, credit))
    await arrived
    wire.cut()
    assert.strictEqual(outcome(await answer), "Posted")
    await wire.deliver()
    assert.strictEqual(await debits(), 2)
    await audit(arena.pool, tenant.id)
  })

  it("while the statement waits for a lock: it runs on, and its answer is found", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const answer = gate.post(tenant.caller(), debit(client, credit))
    await other.waitedFor(1)
    wire.cut()
    while (gate.stats().fenced === 0) await Arena.pause(2)
    await other.commit()
    assert.strictEqual(outcome(await answer), "Replayed")
    assert.strictEqual(await debits(), 2)
    await audit(arena.pool, tenant.id)
  })

  it("when the statement has committed, and nobody heard: its answer is found", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    wire.mute()
    const answer = gate.post(tenant.caller(), debit(client, credit))
    while ((await debits()) < 2) await Arena.pause(5)
    wire.cut()
    assert.strictEqual(outcome(await answer), "Replayed")
    assert.strictEqual(await debits(), 2)
    await audit(arena.pool, tenant.id)
  })

  it("at a batch of all kinds over several trees: each is resolved, one by one", async () => {
    const { wire, gate, tenant } = await wired()
    const clients = await Promise.all(Array.from({ length: 8 }, () => tenant.client()))
    for (const client of clients) await Arena.grant(gate, tenant.caller(), client, Arena.lot(20n * credit))
    const holds = await Promise.all(
      clients.map(async (client) => Arena.holdOf(await gate.post(tenant.caller(), Arena.reserve(client, credit))))
    )
    // So that it is known where they are, and nothing but the batch goes over the wire.
    for (const hold of holds)
      assert.strictEqual(
        outcome(await gate.post(tenant.caller(), Arena.capture(hold, 99n * credit))),
        "InsufficientCredits"
      )
    wire.mute()
    const answers = Promise.all([
      ...clients.flatMap((client) => [
        gate.post(tenant.caller(), debit(client, credit)),
        gate.post(tenant.caller(), Arena.reserve(client, 2n * credit)),
        gate.post(tenant.caller(), debit(client, 17n * credit))
      ]),
      ...holds.map((hold) => gate.post(tenant.caller(), Arena.capture(hold)))
    ])
    while ((await Arena.entries(arena, tenant, clients[0] ?? "", "Captured")) < 1) await Arena.pause(5)
    wire.cut()
    const outcomes = (await answers).map(outcome)
    assert.deepStrictEqual(outcomes, [
      ...clients.flatMap(() => ["Replayed", "Replayed", "InsufficientCredits"]),
      ...holds.map(() => "Replayed")
    ])
    await audit(arena.pool, tenant.id)
  })
})

describe("the fence", () => {
  it("stands also where all that were cut off had given up: what was refused since is not debited late", async () => {
    const { wire, gate, tenant, client } = await wired({ deadline: 300 }, (url) => url)
    const extra = await tenant.client()
    const ends = Arena.now + day
    await Arena.grant(gate, tenant.caller(), extra, Arena.lot(10n * credit, { expiresAt: ends }))
    assert.strictEqual(outcome(await gate.post(tenant.caller(), debit(extra, credit))), "Posted")
    const other = await arena.session()
    const { arrived } = wire.hold()
    const caller = tenant.caller({ now: ends - 1 })
    const answer = gate.post(caller, debit(extra, 9n * credit))
    await arrived
    await other.lock(tenant.id, extra)
    wire.cut()
    assert.strictEqual(outcome(await answer), "OutcomeUnknown")
    await other.rollback()
    // The lot has ended meanwhile. This answer is final, so the statement must not be carried out any more.
    const retried = await gate.post({ ...caller, now: ends }, debit(extra, 9n * credit))
    assert.strictEqual(outcome(retried), "InsufficientCredits")
    await wire.deliver()
    assert.strictEqual(await Arena.entries(arena, tenant, extra, "Debited"), 1)
    assert.strictEqual(outcome(await gate.post(tenant.caller(), debit(client, credit))), "Posted")
    await audit(arena.pool, tenant.id)
  })
})

describe("the locked door, cut off", () => {
  const debited = (gate: Trees.Doors, caller: Caller, client: string, meanwhile: () => void) =>
    gate.change(caller, [client], async (_, locked) => {
      meanwhile()
      const command = {
        _tag: "Debit",
        amount: credit,
        feature: null,
        member: null,
        meter: null,
        allowPartial: false,
        at: locked.at
      } as const
      return await locked.post(client, command, { namespace: "caller", key: caller.key ?? "", hash: null })
    })

  it("before it wrote has done nothing, and says so", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    const caller = tenant.caller()
    const cut = await debited(gate, caller, client, wire.cut)
    assert.strictEqual(cut._tag === "Failure" ? cut.failure._tag : "Success", "Unavailable")
    assert.strictEqual(await debits(), 1)
  })

  it("at its last word does not know, and finds out by the key", async () => {
    const { wire, gate, tenant, client, debits } = await wired()
    const caller = tenant.caller()
    wire.onCommit(wire.mute)
    const answer = debited(gate, caller, client, () => {})
    while ((await debits()) < 2) await Arena.pause(5)
    wire.cut()
    const cut = await answer
    assert.strictEqual(cut._tag === "Failure" ? cut.failure._tag : "Success", "OutcomeUnknown")
    const found = await debited(gate, caller, client, () => {})
    assert.strictEqual(found._tag === "Success" && found.success.replayed, true)
    assert.strictEqual(await debits(), 2)
    await audit(arena.pool, tenant.id)
  })

  it("looking on is told to come again", async () => {
    const { wire, gate, tenant, client } = await wired()
    const { lost } = wire.mute()
    const seen = gate.look(tenant.caller(), client)
    await lost
    wire.cut()
    const answer = await seen
    assert.strictEqual(answer._tag === "Failure" ? answer.failure._tag : "Success", "Unavailable")
    assert.strictEqual((await gate.look(tenant.caller(), client))._tag, "Success")
  })
})

describe("under load", () => {
  /** Debits and holds one after the other, each repeated under its key until its fate is known. */
  const load = async (
    gate: Trees.Doors,
    tenant: Arena.Tenant,
    clients: ReadonlyArray<string>,
    harm: () => Promise<void>
  ) => {
    let over = false
    let done = 0
    const work = async (client: string) => {
      while (!over) {
        const caller = tenant.caller()
        for (;;) {
          const answer = outcome(await gate.post(caller, debit(client, 1n)))
          if (answer === "Posted" || answer === "Replayed") break
          assert.oneOf(answer, ["Unavailable", "OutcomeUnknown"])
          await Arena.pause(20)
        }
        done++
      }
    }
    const workers = Array.from({ length: 4 }, () => clients.map(work)).flat()
    for (let times = 0; times < 12; times++) {
      await Arena.pause(100)
      await harm()
    }
    over = true
    await Promise.all(workers)
    return done
  }

  it("no debit is lost or doubled by connections that are cut at any moment", async () => {
    const { wire, gate, tenant } = await wired()
    const clients = await Promise.all(Array.from({ length: 10 }, () => tenant.client()))
    for (const client of clients) await Arena.grant(gate, tenant.caller(), client, Arena.lot(1_000n * credit))
    const done = await load(gate, tenant, clients, async () => wire.cut())
    assert.isAbove(gate.stats().fenced, 0)
    const { rows } = await arena.pool.query<{ n: bigint }>(
      "select count(*) as n from entry where organization_id = $1 and amount = 1",
      [tenant.id]
    )
    assert.strictEqual(Number(rows[0]?.n), done)
    await audit(arena.pool, tenant.id)
  })

  it("nor by sessions that the server ends", async () => {
    const tenant = await Arena.tenant(arena)
    const gate = arena.gate({}, Object.assign(new URL(arena.url), { search: `?application_name=${tenant.id}` }).href)
    const clients = await Promise.all(Array.from({ length: 10 }, () => tenant.client()))
    for (const client of clients) await Arena.grant(gate, tenant.caller(), client, Arena.lot(1_000n * credit))
    let ended = 0
    const done = await load(gate, tenant, clients, async () => {
      const text = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1"
      ended += (await arena.pool.query(text, [tenant.id])).rowCount ?? 0
    })
    assert.isAbove(ended, 0)
    assert.isAbove(gate.stats().fenced, 0)
    const { rows } = await arena.pool.query<{ n: bigint }>(
      "select count(*) as n from entry where organization_id = $1 and amount = 1",
      [tenant.id]
    )
    assert.strictEqual(Number(rows[0]?.n), done)
    await audit(arena.pool, tenant.id)
  })
})
