import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { v7 } from "uuid"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { capture, check, credit, debit, minute, outcome, release, reserve } = Arena
const arena = Arena.open()
const [gate, elsewhere] = [arena.gate(), arena.gate()]

const held = async (amount = 10n * credit) => {
  const tenant = await Arena.tenant(arena)
  const client = await tenant.client()
  await Arena.grant(gate, tenant.caller(), client, Arena.lot(10n * credit))
  const reserved = await gate.post(tenant.caller(), reserve(client, amount, minute))
  const hold = Arena.holdOf(reserved)
  return { tenant, client, hold, ends: Arena.now + minute }
}

describe("a hold", () => {
  it("that ends between the decision and the commit is captured all the same, or not at all", async () => {
    const { tenant, client, hold, ends } = await held()
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const captured = gate.post(tenant.caller({ now: ends - 1 }), capture(hold))
    await other.waitedFor(1)
    // Somebody who saw it end settles it first.
    const later = elsewhere.post(tenant.caller({ now: ends }), debit(client, 10n * credit))
    await other.waitedFor(2, Promise.race([captured, later]))
    await other.commit()
    const outcomes = [outcome(await captured), outcome(await later)].join()
    assert.oneOf(outcomes, ["Posted,InsufficientCredits", "HoldSettled,Posted"])
    await audit(arena.pool, tenant.id)
  })

  it("that was seen to end is not captured by one who read it open before", async () => {
    const { tenant, client, hold, ends } = await held()
    const other = await arena.session()
    await other.lock(tenant.id, client)
    const captured = gate.post(tenant.caller({ now: ends - 1 }), capture(hold))
    await other.waitedFor(1)
    // The tree has been decided at a later instant meanwhile.
    await other.query("update tree set at = $3 where organization_id = $1 and root_id = $2", [
      tenant.id,
      client,
      new Date(ends)
    ])
    await other.stamp(tenant.id, client)
    await other.commit()
    const answer = await captured
    assert.deepInclude(Result.isFailure(answer) ? answer.failure : {}, { _tag: "HoldSettled", outcome: "expired" })
    await audit(arena.pool, tenant.id)
  })

  it("captured twice by one key is captured once, and both are told so", async () => {
    const { tenant, hold } = await held()
    const caller = tenant.caller()
    const answers = [
      await gate.post(caller, capture(hold, 4n * credit)),
      await gate.post(caller, capture(hold, 4n * credit)),
      await elsewhere.post(caller, capture(hold, 4n * credit))
    ]
    assert.deepStrictEqual(answers.map(outcome), ["Posted", "Replayed", "Replayed"])
    assert.deepStrictEqual(new Set(answers.map((answer) => Arena.entryOf(answer).seq)).size, 1)
    await audit(arena.pool, tenant.id)
  })

  it("captured by two keys is the first one's, also from two processes at once", async () => {
    const { tenant, hold } = await held()
    const answers = await Promise.all([
      gate.post(tenant.caller(), capture(hold)),
      gate.post(tenant.caller(), capture(hold)),
      elsewhere.post(tenant.caller(), capture(hold)),
      elsewhere.post(tenant.caller(), release(hold))
    ])
    assert.deepStrictEqual(answers.map(outcome).sort(), ["HoldSettled", "HoldSettled", "HoldSettled", "Posted"])
    await audit(arena.pool, tenant.id)
  })

  it("taken before a suspension is captured after it, and none is taken any more", async () => {
    const { tenant, client, hold } = await held(5n * credit)
    Result.getOrThrow(await Arena.suspend(elsewhere, tenant.caller(), client))
    assert.strictEqual(outcome(await gate.post(tenant.caller(), reserve(client, credit))), "ClientSuspended")
    assert.strictEqual(outcome(await gate.post(tenant.caller(), capture(hold, 6n * credit))), "ClientSuspended")
    assert.strictEqual(outcome(await gate.post(tenant.caller(), capture(hold, 5n * credit))), "Posted")
    await audit(arena.pool, tenant.id)
  })

  it("ends by itself: nobody is needed for its credits to be there", async () => {
    const { tenant, client, hold, ends } = await held()
    const fresh = arena.gate()
    assert.strictEqual(await Arena.balance(fresh, tenant.caller({ now: ends - 1 }), client), 0n)
    assert.strictEqual(await Arena.balance(fresh, tenant.caller({ now: ends }), client), 10n * credit)
    const checked = await fresh.post(tenant.caller({ now: ends }), check(client, 10n * credit))
    assert.strictEqual(Result.getOrThrow(checked).refusal, null)
    // For those who knew of it as for those who did not.
    for (const at of [gate, fresh])
      assert.strictEqual(outcome(await at.post(tenant.caller({ now: ends }), debit(client, 5n * credit))), "Posted")
    const late = await gate.post(tenant.caller({ now: ends }), capture(hold))
    assert.deepInclude(Result.isFailure(late) ? late.failure : {}, { _tag: "HoldSettled", outcome: "expired" })
    await audit(arena.pool, tenant.id)
  })

  it("that ends between two requests of a batch is over for the later one", async () => {
    const { tenant, client, ends } = await held()
    const answers = await Promise.all([
      gate.post(tenant.caller({ now: ends - 1 }), debit(client, 10n * credit)),
      gate.post(tenant.caller({ now: ends }), debit(client, 10n * credit))
    ])
    assert.deepStrictEqual(answers.map(outcome), ["InsufficientCredits", "Posted"])
    await audit(arena.pool, tenant.id)
  })

  it("is its client's: on another client's behalf it does not exist", async () => {
    const { tenant, hold } = await held()
    const stranger = await tenant.client()
    assert.strictEqual(outcome(await gate.post(tenant.caller({ reach: stranger }), capture(hold))), "NotFound")
    const other = await Arena.tenant(arena)
    assert.strictEqual(outcome(await gate.post(other.caller(), capture(hold))), "NotFound")
    assert.strictEqual(outcome(await gate.post(tenant.caller(), capture(v7()))), "NotFound")
    assert.strictEqual(outcome(await gate.post(tenant.caller(), capture(hold))), "Posted")
  })
})

describe("1 200 holds of one tree that end at once", () => {
  const crowded = async () => {
    const tenant = await Arena.tenant(arena)
    const root = await tenant.client()
    const clients = [root, await tenant.client({ parent: root }), await tenant.client({ parent: root })]
    await Arena.cap(gate, tenant.caller(), root, { limit: 1_200n * credit })
    for (const client of clients) await Arena.grant(gate, tenant.caller(), client, Arena.lot(400n * credit))
    const answers = await Promise.all(
      Array.from({ length: 1_200 }, (_, i) =>
        gate.post(tenant.caller(), reserve(clients[i % clients.length] ?? "", credit, minute))
      )
    )
    assert.deepStrictEqual(new Set(answers.map(outcome)), new Set(["Posted"]))
    return { tenant, clients, caller: () => tenant.caller({ now: Arena.now + minute }) }
  }

  it("are over for the next debits", async () => {
    const { tenant, clients, caller } = await crowded()
    const answers = await Promise.all(clients.map((client) => elsewhere.post(caller(), debit(client, 400n * credit))))
    assert.deepStrictEqual(answers.map(outcome), ["Posted", "Posted", "Posted"])
    const { entries } = await audit(arena.pool, tenant.id)
    assert.strictEqual(entries, 3 + 1_200 + 1_200 + 3)
  })

  it("are over for whoever looks, checks, or comes by the locked door", async () => {
    const { tenant, clients, caller } = await crowded()
    for (const client of clients) {
      assert.strictEqual(await Arena.balance(elsewhere, caller(), client), 400n * credit)
      const checked = Result.getOrThrow(await elsewhere.post(caller(), check(client, 400n * credit)))
      assert.strictEqual(checked.refusal, null)
    }
    const again = await crowded()
    for (const client of again.clients) {
      const { now } = again.caller()
      const debited = await gate.change(again.caller(), [client], (_, locked) =>
        locked.post(
          client,
          {
            _tag: "Debit",
            amount: 400n * credit,
            feature: null,
            member: null,
            meter: null,
            allowPartial: false,
            at: now
          },
          { namespace: "caller", key: v7(), hash: null }
        )
      )
      assert.strictEqual(debited._tag, "Success")
    }
    await audit(arena.pool, tenant.id)
    await audit(arena.pool, again.tenant.id)
  })
})
