import { connectGateway, disconnectGateway, Provider, removeMethod, setUpMethod } from "@capstan/billing"
import { Connections, Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { database, payments, pool, refusal, run, world } from "./World.ts"

const sandbox = { gateway: "sandbox", name: null, secret: null }
const reasonOf = async (effect: Parameters<typeof refusal>[0]) => {
  const refused = await refusal(effect)
  return refused._tag === "NotAdmissible" ? refused.reason : refused._tag
}

describe("a provider", () => {
  it("is connected with a secret that is kept sealed, and opens for this connection alone", async () => {
    const { caller, organization, connection: other } = await world()
    const secret = `whsec_${Buffer.alloc(32, 3).toString("base64")}`
    const { id } = await run(connectGateway(caller(), { ...sandbox, name: "Ours", secret }))
    const { db } = await database()
    const kept = await Connections.byId(db, organization.id, id)
    if (kept === undefined) assert.fail("It was not kept")
    assert.isFalse(kept.sealed.includes(secret) || kept.sealed.includes(Buffer.alloc(32, 3)))
    const opened = Provider.open(await payments(), organization.id, kept)
    assert.strictEqual(Result.isSuccess(opened) && opened.success.connection.secret, secret)
    const moved = Provider.open(await payments(), organization.id, { ...kept, id: other.id })
    assert.deepInclude(Result.isFailure(moved) && moved.failure, { reason: "gateway_refused" })
    assert.strictEqual(await Connections.owner(db, id), organization.id)
    const { rows } = await pool.query("select payload::text from event where organization_id = $1", [organization.id])
    assert.isFalse(JSON.stringify(rows).includes(secret))
    assert.include(JSON.stringify(rows), id)
  })

  it("is connected once for a key, and the key is good for that alone", async () => {
    const { caller } = await world()
    const by = caller()
    const connected = await run(connectGateway(by, sandbox))
    assert.deepStrictEqual(await run(connectGateway(by, sandbox)), connected)
    assert.strictEqual(await reasonOf(connectGateway(by, { ...sandbox, name: "Another" })), "KeyReused")
  })

  it("is refused where it does not take the secret, is not there, or does not answer", async () => {
    const { caller } = await world()
    const connect = (over: Partial<typeof sandbox> | { readonly secret: string }) =>
      connectGateway(caller(), { ...sandbox, ...over })
    assert.strictEqual(await reasonOf(connect({ secret: "sk_test_1" })), "gateway_refused")
    assert.strictEqual(await reasonOf(connect({ gateway: "toString" })), "gateway_refused")
    assert.strictEqual(await reasonOf(connect({ secret: "sandbox_unreachable" })), "Upstream")
  })

  it("that moves no money is refused where money moves", async () => {
    const { caller } = await world({ mode: "live" })
    assert.strictEqual(await reasonOf(connectGateway(caller(), sandbox)), "sandbox_in_live")
  })

  it("is none of a token's that is confined to a client", async () => {
    const { caller, organization, connection } = await world()
    const reach = await Client.create(pool, organization)
    assert.strictEqual(await reasonOf(connectGateway(caller({ reach }), sandbox)), "set_from_above")
    assert.strictEqual(await reasonOf(disconnectGateway(caller({ reach }), connection.id)), "NotFound")
    const { db } = await database()
    const seen = await Connections.list(db, { organization: organization.id, reach }, { limit: 10 })
    assert.deepStrictEqual(
      Result.map(seen, ({ items }) => items),
      Result.succeed([])
    )
  })

  it("is disconnected once no method is entered with it, and takes no more", async () => {
    const { caller, organization, connection } = await world()
    const client = await Client.create(pool, organization)
    const input = { client, connection: connection.id, reference: "sandbox_succeed", isDefault: false }
    const { method } = await run(setUpMethod(caller(), input))
    assert.strictEqual(await reasonOf(disconnectGateway(caller(), connection.id)), "connection_in_use")
    await run(removeMethod(caller(), { client, method: method?.id ?? "" }))
    const disconnected = await run(disconnectGateway(caller(), connection.id))
    assert.isNotNull(disconnected.disconnectedAt)
    assert.deepStrictEqual(await run(disconnectGateway(caller(), connection.id)), disconnected)
    assert.strictEqual(await reasonOf(setUpMethod(caller(), input)), "NotFound")
    assert.strictEqual(await reasonOf(setUpMethod(caller(), { ...input, connection: null })), "connection_required")
  })

  it("is disconnected or has a method entered with it, when both are asked at once, never both", async () => {
    for (let n = 0; n < 10; n++) {
      const { caller, organization, connection } = await world()
      const client = await Client.create(pool, organization)
      const input = { client, connection: null, reference: "sandbox_succeed", isDefault: false }
      const outcomes = await Promise.allSettled([
        run(setUpMethod(caller(), input)),
        run(disconnectGateway(caller(), connection.id))
      ])
      assert.strictEqual(outcomes.filter(({ status }) => status === "fulfilled").length, 1)
    }
  })

  it("of another organization is not there", async () => {
    const [mine, theirs] = [await world(), await world()]
    assert.strictEqual(await reasonOf(disconnectGateway(mine.caller(), theirs.connection.id)), "NotFound")
    assert.strictEqual(await reasonOf(disconnectGateway(mine.caller(), Ids.mint())), "NotFound")
  })
})
