/** The secret before a rotated one works on for its time, and takes nothing over. */
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import * as People from "./People.ts"
import { anId, organization, pool, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()

describe.each(transports)("over %s", (_, call) => {
  it("a superseded secret reads and spends, and hands nothing on; the new one does", async () => {
    const own = await organization()
    const client = await Client.create(pool, own, { overdraftLimit: 10n ** 9n })
    const [{ id: token, text }, other] = [await tokenOf(own.id), await tokenOf(own.id)]
    const { id: member } = await People.member(own, "STAFF", client)
    const before = { token: text }
    const opened = await call(url, "sessions.create", { member }, before)
    const rotating = { token, overlapSeconds: 60, idempotencyKey: anId() }
    const rotated = await call(url, "accessTokens.rotate", rotating, before)
    const now = { token: String(rotated.body["token"]) }
    const asked: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>]> = [
      ["accessTokens.create", { name: "Mine", scopes: ["credits:read"] }],
      ["accessTokens.update", { token, name: "Mine" }],
      ["accessTokens.update", { token: other.id, scopes: ["credits:read"] }],
      ["accessTokens.rotate", { token: other.id }],
      ["accessTokens.delete", { token: other.id }],
      ["sessions.create", { member }],
      ["sessions.revoke", { session: opened.body["id"] }],
      ["accessTokens.rotate", { token, overlapSeconds: 60 }]
    ]
    for (const [name, input] of asked) {
      const { status, body } = await call(url, name, input, before)
      assert.strictEqual(status, 422, name)
      assert.deepInclude(body["details"] as object, { reason: "secret_superseded" }, name)
    }
    const spending = { client, amount: "1", idempotencyKey: anId() }
    assert.isBelow((await call(url, "credits.consume", spending, before)).status, 300)
    for (const [name, input] of [
      ["credits.balance", { client }],
      ["accessTokens.get", { token }]
    ] as const)
      assert.strictEqual((await call(url, name, input, before)).status, 200, name)
    assert.strictEqual((await call(url, "accessTokens.rotate", rotating, before)).body["token"], now.token)
    for (const [name, input] of asked) assert.isBelow((await call(url, name, input, now)).status, 300, name)
  })
})
