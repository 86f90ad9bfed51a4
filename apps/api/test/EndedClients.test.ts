/** A client that is deleted leaves nothing that could call, whatever is made at that moment. */
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import * as People from "./People.ts"
import { organization, overRest, pool, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const made = { name: "Made", scopes: ["credits:write"] }

describe.each(transports)("over %s", (_, call) => {
  it("nobody is given a token or a session of a client that was deleted", async () => {
    const own = await organization()
    const client = await Client.create(pool, own)
    await overRest(url, "members.create", { client, email: "ada@example.com", externalId: "ada" }, own)
    assert.strictEqual((await call(url, "clients.delete", { client }, own)).status, 200)
    const refused = [
      await call(url, "accessTokens.create", { ...made, client }, own),
      await call(url, "sessions.create", { member: "ext:ada", client }, own)
    ]
    for (const { status, body } of refused) {
      assert.strictEqual(status, 422)
      assert.deepInclude(body["details"] as object, { reason: "client_closed" })
    }
  })
})

it("of what is made while a client is deleted, nothing is left that lives", { timeout: 60_000 }, async () => {
  const own = await organization()
  for (let round = 0; round < 8; round++) {
    const client = await Client.create(pool, own)
    const { id } = await People.member(own, "OWNER", client)
    const theirs = { token: (await tokenOf(own.id, { reach: client })).text }
    const many = (asked: () => Promise<unknown>) => Array.from({ length: 5 }, asked)
    await Promise.all([
      overRest(url, "clients.delete", { client }, own),
      ...many(() => overRest(url, "accessTokens.create", { ...made, client }, own)),
      ...many(() => overRest(url, "accessTokens.create", made, theirs)),
      ...many(() => overRest(url, "sessions.create", { member: id }, own))
    ])
    const { rows } = await pool.query(
      `select deleted_at is not null as deleted,
         (select count(*)::integer from access_token where reach = $1 and revoked_at is null) as live
       from client where id = $1`,
      [client]
    )
    assert.deepStrictEqual(rows, [{ deleted: true, live: 0 }])
  }
})
