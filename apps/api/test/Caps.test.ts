import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { organization, overRest, pool, start, transports } from "./Serving.ts"

const { url } = await start()

describe.each(transports)("over %s", (_, call) => {
  it("of two that change a cap with one etag, the second is refused", async () => {
    const own = await organization()
    const client = await Client.create(pool, own)
    const set = (amount: number, ifMatch?: string) =>
      call(url, "caps.set", { client, limit: { amount, currency: "USD" }, ifMatch }, own)
    const unseen = await set(900, '"1"')
    assert.deepStrictEqual([unseen.status, unseen.body["code"]], [412, "precondition_failed"])
    const made = await set(1000)
    assert.strictEqual(made.status, 200, JSON.stringify(made.body))
    const etag = String(made.body["etag"])
    const answers = await Promise.all([set(2000, etag), set(3000, etag)])
    assert.sameMembers(
      answers.map(({ status }) => status),
      [200, 412]
    )
    const changed = answers.find(({ status }) => status === 200)
    const listed = (await call(url, "caps.list", { client }, own)).body["items"] as ReadonlyArray<unknown>
    assert.deepStrictEqual(listed, [changed?.body])
    const refused = answers.find(({ status }) => status === 412)
    assert.deepStrictEqual(refused?.body["details"], { reason: "version_stale", current: '"2"' })
    assert.strictEqual((await set(4000, String(changed?.body["etag"]))).status, 200)
  })
})

it("the header tells the version of a cap, as its body does", async () => {
  const own = await organization()
  const client = await Client.create(pool, own)
  const limit = { amount: 1000, currency: "USD" }
  const { headers, body } = await overRest(url, "caps.set", { client, limit }, own)
  assert.deepStrictEqual([headers.get("etag"), body["etag"]], ['"1"', '"1"'])
})
