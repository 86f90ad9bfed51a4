/** The API is a process that may be killed, or cut off from Postgres, at any instant: also in the midst of a use case. */
import { once } from "node:events"
import { isDeepStrictEqual } from "node:util"
import { assert, describe, it, onTestFinished } from "vitest"
import { Client, Database, Organization, Wire } from "@capstan/testing"
import { freePort, pause, started } from "./Launch.ts"
import * as Rows from "./Rows.ts"
import { anId, type Answer, type Input, overRest, pool, start, tokenOf } from "./Serving.ts"

const usd = (amount: number) => ({ amount, currency: "USD" })
const scopes = ["credits:read"]

/** What each lane asks of a client of its own, turn by turn: the state it leads to is there for the next. */
const turns = (client: string): ReadonlyArray<readonly [name: string, input: Input]> => [
  ["clients.create", { name: "Child", parent: client }],
  ["clients.suspend", { client, note: "A pause" }],
  ["clients.reactivate", { client }],
  ["caps.set", { client, limit: usd(1_000) }],
  ["accessTokens.create", { name: "Reader", scopes, client }],
  ["credits.grant", { client, kind: "extra", amount: "1" }],
  ["organization.update", { name: "Renamed" }]
]

const kills = 6
const lanes = 12

interface Done {
  readonly name: string
  readonly input: Input
  readonly answer: Answer
}

/** Until there is an answer, with the same key, as a client should. */
const ask = async (url: string, name: string, input: Input, token: string, over: () => boolean) => {
  while (!over()) {
    const answer = await overRest(url, name, input, { token }).catch(() => undefined)
    if (answer !== undefined && answer.status < 300) return answer
    if (answer !== undefined) assert.strictEqual(answer.status, 503, `${name}: ${JSON.stringify(answer.body)}`)
    await pause(20)
  }
  return undefined
}

describe("a killed API", () => {
  it("does each command once, and answers again as it has answered", { timeout: 120_000 }, async () => {
    const organization = await Organization.create(pool)
    const { text: token } = await tokenOf(organization.id)
    const clients = await Promise.all(Array.from({ length: lanes }, () => Client.create(pool, organization)))
    const before = await Rows.counts(organization.id)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    let [running, over] = [true, false]
    onTestFinished(() => {
      running = false
      over = true
    })
    let api = await started(port)
    const done: Array<Done> = []
    const work = async (client: string) => {
      while (running)
        for (const [name, asked] of turns(client)) {
          const input = { ...asked, idempotencyKey: anId() }
          const answer = await ask(url, name, input, token, () => over)
          if (answer !== undefined) done.push({ name, input, answer })
        }
    }
    const load = Promise.all(clients.map(work))
    for (let kill = 0; kill < kills; kill++) {
      const seen = done.length
      await pause(100 + Math.random() * 400)
      api.kill("SIGKILL")
      await once(api, "exit")
      api = await started(port)
      while (done.length <= seen + lanes) await Promise.race([pause(10), load])
    }
    running = false
    await load

    const after = await Rows.counts(organization.id)
    for (const { name, input, answer } of done) {
      const again = await ask(url, name, input, token, () => over)
      assert.deepStrictEqual({ ...again?.body, replayed: null }, { ...answer.body, replayed: null }, name)
    }
    assert.deepStrictEqual(await Rows.counts(organization.id), after)
    const times = (name: string) => done.filter((one) => one.name === name).length
    assert.deepStrictEqual(
      ["client", "access_token", "entry"].map((table) => (after[table] ?? 0) - (before[table] ?? 0)),
      ["clients.create", "accessTokens.create", "credits.grant"].map(times)
    )
    const { rows } = await pool.query<{ kind: string; count: number }>(
      "select kind, count(*)::integer as count from event where organization_id = $1 group by kind",
      [organization.id]
    )
    const events = new Map(rows.map(({ kind, count }) => [kind, count]))
    assert.strictEqual(events.get("client.suspended"), times("clients.suspend"))
    assert.strictEqual(events.get("access_token.created"), times("accessTokens.create"))

    api.kill("SIGTERM")
    await once(api, "exit")
  })
})

const hasCommitted = async (organization: string, before: Awaited<ReturnType<typeof Rows.counts>>): Promise<void> => {
  while (isDeepStrictEqual(await Rows.counts(organization), before)) await pause(10)
}

describe("an API cut off from Postgres", () => {
  it("after COMMIT was sent, knows no outcome, and finds it under the key", { timeout: 60_000 }, async () => {
    const organization = await Organization.create(pool)
    const { text: token } = await tokenOf(organization.id)
    const client = await Client.create(pool, organization)
    const wire = await Wire.open(Database.url)
    const { url } = await start({ databaseUrl: wire.url })
    for (const [name, asked] of turns(client)) {
      const input = { ...asked, idempotencyKey: anId() }
      const before = await Rows.counts(organization.id)
      wire.onCommit(() => {
        wire.mute()
        // Postgres does it, and answers to nobody.
        void hasCommitted(organization.id, before).then(wire.cut)
      })
      const lost = await overRest(url, name, input, { token })
      assert.deepStrictEqual([name, lost.status, lost.body["code"]], [name, 503, "outcome_unknown"])
      const committed = await Rows.counts(organization.id)
      assert.notDeepEqual(committed, before, name)
      const found = await ask(url, name, input, token, () => false)
      assert.isBelow(found?.status ?? 500, 300)
      const again = await ask(url, name, input, token, () => false)
      assert.deepStrictEqual({ ...again?.body, replayed: null }, { ...found?.body, replayed: null }, name)
      assert.deepStrictEqual(await Rows.counts(organization.id), committed, name)
    }
  })
})
