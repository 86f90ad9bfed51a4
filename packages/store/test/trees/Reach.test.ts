import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { v7 } from "uuid"
import * as Arena from "./Arena.ts"

const { check, credit, debit, outcome } = Arena
const arena = Arena.open()
const [gate, elsewhere] = [arena.gate(), arena.gate()]

const family = async () => {
  const tenant = await Arena.tenant(arena)
  const root = await tenant.client()
  const [one, other] = [await tenant.client({ parent: root }), await tenant.client({ parent: root })]
  const child = await tenant.client({ parent: one })
  for (const client of [root, one, other, child])
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
  return { tenant, root, one, other, child }
}

describe("a caller confined to a client's subtree", () => {
  it("reaches that client and those below; its sibling, its parent and a stranger are not there", async () => {
    const { tenant, root, one, other, child } = await family()
    const stranger = await tenant.client()
    const spend = async (client: string) =>
      outcome(await gate.post(tenant.caller({ reach: one }), debit(client, credit)))
    for (const client of [one, child]) assert.strictEqual(await spend(client), "Posted")
    for (const client of [root, other, stranger, v7()]) assert.strictEqual(await spend(client), "NotFound")
  })

  it("is not told what an earlier key of a sibling did, not even that there is one", async () => {
    const { tenant, one, other } = await family()
    const caller = tenant.caller()
    assert.strictEqual(outcome(await gate.post(caller, debit(other, credit))), "Posted")
    const confined = { ...caller, reach: one }
    for (const at of [gate, elsewhere]) {
      assert.strictEqual(outcome(await at.post(confined, debit(other, credit))), "NotFound")
      assert.strictEqual(outcome(await at.post(confined, debit(other, 2n * credit))), "NotFound")
      const both = await Promise.all([at.post(caller, debit(other, credit)), at.post(confined, debit(other, credit))])
      assert.deepStrictEqual(both.map(outcome), ["Replayed", "NotFound"])
    }
  })

  it("looks, checks and changes no further", async () => {
    const { tenant, one, other, child } = await family()
    const caller = tenant.caller({ reach: one })
    assert.strictEqual((await gate.look(caller, child))._tag, "Success")
    assert.strictEqual((await gate.look(caller, other))._tag, "Failure")
    assert.strictEqual((await gate.post(caller, check(child, credit)))._tag, "Success")
    assert.strictEqual((await gate.post(caller, check(other, credit)))._tag, "Failure")
    assert.strictEqual((await Arena.suspend(gate, caller, child))._tag, "Success")
    const refused = await Arena.suspend(gate, caller, other)
    assert.deepStrictEqual(Result.isFailure(refused) ? refused.failure : null, {
      _tag: "NotFound",
      what: "client",
      id: other
    })
  })
})

describe("another organization's client", () => {
  it("is not there, by whatever door", async () => {
    const { one } = await family()
    const stranger = await Arena.tenant(arena)
    assert.strictEqual(outcome(await gate.post(stranger.caller(), debit(one, credit))), "NotFound")
    assert.strictEqual((await gate.look(stranger.caller(), one))._tag, "Failure")
    assert.strictEqual((await Arena.suspend(gate, stranger.caller(), one))._tag, "Failure")
  })
})

describe("an external id", () => {
  it("that moved to a client of another tree is followed there, from the very next request", async () => {
    const tenant = await Arena.tenant(arena)
    const [before, after] = [await tenant.client({ externalId: "acme" }), await tenant.client()]
    for (const client of [before, after]) await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
    const spender = async (at = gate) => Arena.entryOf(await at.post(tenant.caller(), debit("ext:acme", credit))).client
    for (const at of [gate, elsewhere]) assert.strictEqual(await spender(at), before)
    const moved = await gate.change(tenant.caller(), [before, after], async (trx) => {
      const name = (client: string, externalId: string | null) =>
        trx
          .updateTable("client")
          .set({ external_id: externalId })
          .where("organization_id", "=", tenant.id)
          .where("id", "=", client)
          .execute()
      await name(before, null)
      await name(after, "acme")
      return Result.succeed(undefined)
    })
    Result.getOrThrow(moved)
    for (const at of [elsewhere, gate]) {
      assert.strictEqual(await spender(at), after)
      const checked = Result.getOrThrow(await at.post(tenant.caller(), check("ext:acme", credit)))
      assert.strictEqual(checked.client, after)
    }
    assert.strictEqual(await Arena.entries(arena, tenant, before, "Debited"), 2)
  })

  it("that is nobody's any more is not there", async () => {
    const tenant = await Arena.tenant(arena)
    const client = await tenant.client({ externalId: "gone" })
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit))
    const spend = async () => outcome(await elsewhere.post(tenant.caller(), debit("ext:gone", credit)))
    assert.strictEqual(await spend(), "Posted")
    await gate.change(tenant.caller(), [client], async (trx) =>
      Result.succeed(
        await trx
          .updateTable("client")
          .set({ external_id: null })
          .where("organization_id", "=", tenant.id)
          .where("id", "=", client)
          .execute()
      )
    )
    assert.strictEqual(await spend(), "NotFound")
  })
})
