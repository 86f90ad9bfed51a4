import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { organization, pool, start, transports } from "./Serving.ts"

const { url } = await start()

describe.each(transports)("over %s", (_, call) => {
  it("clients move, are listed below their parent, and are detached; debits follow them", async () => {
    const own = await organization()
    const [here, there] = [await Client.create(pool, own), await Client.create(pool, own, { externalId: "there" })]
    const client = await Client.create(pool, own, { parent: here, usesParentBalance: true })
    const keyed = (key: string) => ({ idempotencyKey: key })
    for (const id of [here, there])
      await call(url, "credits.grant", { client: id, amount: "10", kind: "extra", ...keyed(`grant-${id}`) }, own)
    const children = async (parent: string) => {
      const { body } = await call(url, "clients.children", { client: parent, limit: 1 }, own)
      return (body["items"] as ReadonlyArray<{ readonly id: string }>).map(({ id }) => id)
    }
    assert.deepStrictEqual(await children(here), [client])
    const moved = await call(url, "clients.move", { client, parent: "ext:there", ifMatch: '"1"' }, own)
    assert.strictEqual(moved.status, 200, JSON.stringify(moved.body))
    assert.deepInclude(moved.body, { parent: there, path: [there], payer: there })
    assert.deepStrictEqual([await children(here), await children("ext:there")], [[], [client]])
    const spent = await call(url, "credits.consume", { client, amount: "4", ...keyed("c") }, own)
    assert.deepInclude(spent.body["entry"], { payer: there, balance: "6" })

    const stale = await call(url, "clients.detach", { client, ifMatch: '"1"' }, own)
    assert.strictEqual(stale.status, 412)
    const below = await call(url, "clients.move", { client: "ext:there", parent: client }, own)
    assert.deepInclude(below.body["details"], { reason: "moves_below_itself" })
    const detached = await call(url, "clients.detach", { client, ...keyed("d") }, own)
    assert.deepInclude(detached.body, { parent: null, payer: client, usesParentBalance: false })
    assert.deepStrictEqual((await call(url, "clients.detach", { client, ...keyed("d") }, own)).body, detached.body)
    const again = await call(url, "clients.detach", { client }, own)
    assert.strictEqual(again.status, 422)
    assert.deepInclude(again.body["details"], { reason: "no_parent" })
  })

  it("nobody moves a client of somebody else, nor to one", async () => {
    const [own, other] = [await organization(), await organization()]
    const [client, theirs] = [await Client.create(pool, own), await Client.create(pool, other)]
    for (const asked of [
      { client, parent: theirs },
      { client: theirs, parent: client }
    ]) {
      const { status, body } = await call(url, "clients.move", asked, own)
      assert.deepStrictEqual([status, body["code"]], [404, "resource_not_found"])
    }
  })
})
