/** The API is a process that may be killed at any instant. */
import { once } from "node:events"
import { Client, Organization } from "@capstan/testing"
import { assert, describe, it, onTestFinished } from "vitest"
import { freePort, pause, started } from "./Launch.ts"
import { overRest, pool, tokenOf } from "./Serving.ts"

const kills = 10
const spenders = 8
const inFlight = 32

describe("a killed API", () => {
  it("loses no acknowledged debit, and doubles none", { timeout: 120_000 }, async () => {
    const organization = await Organization.create(pool)
    const { text: token } = await tokenOf(organization.id)
    const clients = await Promise.all(Array.from({ length: spenders }, () => Client.create(pool, organization)))
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    let [running, over] = [true, false]
    onTestFinished(() => {
      running = false
      over = true
    })
    let api = await started(port)
    for (const client of clients) {
      const grant = { client, kind: "extra", amount: "1000000", idempotencyKey: "grant" }
      assert.strictEqual((await overRest(url, "credits.grant", grant, { token })).status, 201)
    }

    const acknowledged = new Map<string, unknown>()
    const spend = async (lane: number) => {
      for (let n = 0; running; n++) {
        const key = `${lane}-${n}`
        const debit = { client: clients[(lane + n) % spenders] ?? "", amount: "1", idempotencyKey: key }
        // The same key until there is an answer, as a client should.
        while (!over) {
          const answer = await overRest(url, "credits.consume", debit, { token }).catch(() => undefined)
          if (answer?.status === 200 || answer?.status === 201) {
            acknowledged.set(key, idOf(answer.body))
            break
          }
          if (answer !== undefined) assert.strictEqual(answer.status, 503, JSON.stringify(answer.body))
          await pause(20)
        }
      }
    }
    const load = Promise.all(Array.from({ length: inFlight }, (_, lane) => spend(lane)))
    for (let kill = 0; kill < kills; kill++) {
      const before = acknowledged.size
      await pause(100 + Math.random() * 400)
      api.kill("SIGKILL")
      await once(api, "exit")
      api = await started(port)
      // It has served again before it is killed again.
      while (acknowledged.size <= before + inFlight) await Promise.race([pause(10), load])
    }
    running = false
    await load

    const { rows } = await pool.query<{ key: string; payer_id: string; seq: bigint }>(
      "select key, payer_id, seq from entry where organization_id = $1 and kind = 'Debited'",
      [organization.id]
    )
    const entries = new Map(rows.map(({ key, payer_id, seq }) => [key, `${payer_id}.${seq}`]))
    assert.deepStrictEqual(Object.fromEntries(acknowledged), Object.fromEntries(entries))
    assert.strictEqual(rows.length, acknowledged.size)
    const { rows: wallets } = await pool.query<{ left: string }>(
      `select sum((lot->>0)::numeric) as left from wallet, json_array_elements(remainders) as lot where organization_id = $1`,
      [organization.id]
    )
    assert.strictEqual(Number(wallets[0]?.left), (spenders * 1_000_000 - rows.length) * 1_000_000)

    api.kill("SIGTERM")
    await once(api, "exit")
  })
})

const idOf = (body: Readonly<Record<string, unknown>>): unknown => (body["entry"] as { readonly id: unknown }).id
