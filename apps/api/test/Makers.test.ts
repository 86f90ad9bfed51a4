/** A session is never more than the token that made it is now, whatever is made by it. */
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import * as People from "./People.ts"
import { type Answer, organization, overRest, pool, start, type Terms, tokenOf, transports } from "./Serving.ts"

const { url } = await start()

const outcome = ({ status, body }: Answer) => [
  status,
  (body["details"] as Readonly<Record<string, unknown>> | undefined)?.["reason"]
]
const powers = ["accessTokens:write", "credits:read", "members:write", "operators:write"]
const soon = () => new Date(Date.now() + 120_000)
const weakOf = (organization: string, over: Terms = {}) =>
  tokenOf(organization, { scopes: powers, perSecond: 20, expiresAt: soon(), ...over })
const sent = ({ text }: { readonly text: string }) => ({ token: text })

describe.each(transports)("over %s", (_, call) => {
  it("a session makes no token that is faster or lives longer than the one that made it", async () => {
    const own = await organization()
    const reach = await Client.create(pool, own)
    const expiresAt = soon()
    const weak = await weakOf(own.id, { reach, expiresAt })
    const member = await People.member(own, "ADMIN", reach)
    const session = await People.session(url, { id: own.id, token: weak.text }, member)
    const make = (over: object) =>
      call(
        url,
        "accessTokens.create",
        { name: "Made", scopes: ["credits:read"], perSecond: 20, expiresAt, ...over },
        session
      )
    for (const more of [{ perSecond: 21 }, { expiresAt: null }, { expiresAt: new Date(expiresAt.getTime() + 1) }])
      assert.deepStrictEqual(outcome(await make(more)), [422, "stronger_than_maker"])
    assert.deepStrictEqual(outcome(await make({ scopes: ["clients:read"] })), [422, "scope_not_held"])
    assert.isBelow((await make({})).status, 300)
    // What makes it weaker bounds what the session makes from then on.
    await pool.query("update access_token set per_second = 5 where id = $1", [weak.id])
    assert.deepStrictEqual(outcome(await make({})), [422, "stronger_than_maker"])
    assert.isBelow((await make({ perSecond: 5 })).status, 300)
  })

  it("a session changes and rotates neither the token that made it nor a stronger one", async () => {
    const own = await organization()
    const [weak, strong] = [await weakOf(own.id), await tokenOf(own.id, { scopes: powers })]
    const operator = await People.operator(own, "OWNER")
    const first = await People.session(url, { id: own.id, token: weak.text }, operator)
    const nested = await People.session(url, { id: own.id, ...first }, await People.operator(own, "OWNER"))
    for (const session of [first, nested])
      for (const [token, reason] of [
        [weak.id, "set_from_above"],
        [strong.id, "stronger_than_maker"]
      ]) {
        const changes = [{ perSecond: 100_000 }, { expiresAt: null }, { scopes: ["credits:read"] }, { name: "Mine" }]
        for (const change of changes)
          assert.deepStrictEqual(outcome(await call(url, "accessTokens.update", { token, ...change }, session)), [
            422,
            reason
          ])
        assert.deepStrictEqual(outcome(await call(url, "accessTokens.rotate", { token }, session)), [422, reason])
      }
    const weaker = await weakOf(own.id, { perSecond: 1, expiresAt: new Date(Date.now() + 60_000) })
    const renamed = await call(url, "accessTokens.update", { token: weaker.id, name: "Mine", perSecond: 2 }, first)
    assert.strictEqual(renamed.status, 200)
    assert.strictEqual((await call(url, "accessTokens.rotate", { token: weaker.id }, first)).status, 200)
  })

  it("what becomes of the token that made it reaches a session at once, and one that it opened", async () => {
    const own = await organization()
    const client = await Client.create(pool, own)
    const balance = (session: { readonly token: string }) => call(url, "credits.balance", { client }, session)
    const sessions = async () => {
      const maker = await weakOf(own.id)
      const first = await People.session(url, { id: own.id, token: maker.text }, await People.operator(own, "OWNER"))
      const member = await People.member(own, "ADMIN", client)
      const nested = await People.session(url, { id: own.id, ...first }, member)
      for (const session of [first, nested]) assert.strictEqual((await balance(session)).status, 200)
      return { maker, all: [first, nested] }
    }
    const weakened = await sessions()
    assert.strictEqual((await balance(weakened.all[0] ?? own)).headers.get("x-ratelimit-limit"), "20")
    const change = { token: weakened.maker.id, scopes: ["members:write"], perSecond: 7 }
    assert.strictEqual((await call(url, "accessTokens.update", change, own)).status, 200)
    for (const session of weakened.all) {
      const refused = await balance(session)
      assert.deepStrictEqual(outcome(refused), [403, "missing_capability"])
      assert.strictEqual(refused.headers.get("x-ratelimit-limit"), "7")
      assert.strictEqual((await call(url, "members.list", { client }, session)).status, 200)
    }
    const revoked = await sessions()
    await call(url, "accessTokens.delete", { token: revoked.maker.id }, own)
    for (const session of revoked.all) assert.deepStrictEqual(outcome(await balance(session)), [401, "token_revoked"])
    const ended = await sessions()
    await pool.query("update access_token set expires_at = now() where id = $1", [ended.maker.id])
    for (const session of ended.all) assert.deepStrictEqual(outcome(await balance(session)), [401, "token_expired"])
  })
})

it("a session of a slow token is as slow as it", async () => {
  const own = await organization()
  const client = await Client.create(pool, own)
  const weak = await weakOf(own.id, { perSecond: 2 })
  const opened = await overRest(
    url,
    "sessions.create",
    { operator: (await People.operator(own, "OWNER")).id },
    sent(weak)
  )
  const session = { token: String(opened.body["token"]) }
  const burst = await Promise.all(
    Array.from({ length: 30 }, () => overRest(url, "credits.balance", { client }, session))
  )
  assert.isBelow(burst.filter(({ status }) => status === 200).length, 10)
})
