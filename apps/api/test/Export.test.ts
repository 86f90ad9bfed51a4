import { once } from "node:events"
import { type IncomingMessage, request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Client } from "@capstan/testing"
import { parse } from "csv-parse/sync"
import { Result } from "effect"
import * as Csv from "../src/Csv.ts"
import * as Download from "../src/Download.ts"
import * as Log from "../src/Log.ts"
import * as Pages from "../src/Pages.ts"
import { organization, pool, start, tokenOf } from "./Serving.ts"

const { url } = await start()

const rows = (text: string) => parse(text, { columns: true }) as ReadonlyArray<Readonly<Record<string, string>>>

const exported = (token: string, query = "") =>
  fetch(`${url}/v1/clients/export?${query}`, { headers: { authorization: `Bearer ${token}` } })

/** Many clients at once, by SQL. */
const crowd = async (own: { readonly id: string }, count: number) => {
  const root = await Client.create(pool, own, { name: "root" })
  await pool.query(
    `insert into client (organization_id, id, root_id, parent_id, path, name, currency, time_zone, created_at, updated_at)
     select $1, gen_random_uuid(), $2, $2, array[$2::uuid], 'client ' || n, 'EUR', 'UTC', now(), now()
     from generate_series(1, $3::int) n`,
    [own.id, root, count]
  )
}

const many = organization().then(async (own) => {
  await crowd(own, 20_000)
  return own
})

describe("clients.export", () => {
  it("has the clients of the list, by its filters, each in a row", async () => {
    const own = await organization()
    const metadata = { tier: "gold", seats: 3 }
    const at = Date.UTC(2026, 2, 1)
    const id = await Client.create(pool, own, { name: '=1+1, "x"', externalId: "-1", metadata, at })
    await Client.create(pool, own, { name: "other" })
    const response = await exported(own.token, "metadata[tier]=gold&metadata[tier]=silver&sorting=name")
    assert.strictEqual(response.status, 200)
    assert.strictEqual(response.headers.get("content-type"), "text/csv; charset=utf-8")
    assert.strictEqual(response.headers.get("content-disposition"), 'attachment; filename="clients.csv"')
    const [row, ...others] = rows(await response.text())
    assert.deepStrictEqual(others, [])
    assert.deepInclude(row, {
      ID: id,
      "External ID": "'-1",
      Name: '\'=1+1, "x"',
      "Created At": "2026-03-01T00:00:00.000Z",
      Email: "",
      Status: "active"
    })
    assert.deepStrictEqual(JSON.parse(row?.["Metadata"] ?? ""), metadata)
  })

  it("refuses before it answers, and shows a confined token its own alone", async () => {
    const own = await organization()
    const above = await Client.create(pool, own, { name: "above" })
    const below = await Client.create(pool, own, { name: "below", parent: above })
    await Client.create(pool, own, { name: "leaf", parent: below })
    assert.strictEqual((await exported(own.token, "parent=ext:nobody")).status, 404)
    assert.strictEqual((await exported(own.token, "limit=1")).status, 400)
    const { text } = await tokenOf(own.id, { reach: below })
    const seen = rows(await (await exported(text)).text()).map(({ Name }) => Name)
    assert.sameMembers(seen, ["below", "leaf"])
  })

  it("tens of thousands of rows come whole, in pages", async () => {
    const own = await many
    const response = await exported(own.token, "sorting=name")
    const reader = response.body?.getReader()
    let [text, largest] = ["", 0]
    const decoder = new TextDecoder()
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done || value === undefined) break
      largest = Math.max(largest, value.length)
      text += decoder.decode(value, { stream: true })
    }
    const ids = rows(text).map(({ ID }) => ID)
    assert.strictEqual(new Set(ids).size, 20_001)
    assert.strictEqual(ids.length, 20_001)
    assert.isBelow(largest, text.length / 4)
  }, 60_000)

  it("a client that goes away stops the reading", async () => {
    const own = await many
    const taken = request(`${url}/v1/clients/export`, { headers: { authorization: `Bearer ${own.token}` } }).end()
    const [response] = (await once(taken, "response")) as [IncomingMessage]
    await once(response, "readable")
    response.destroy()
    await once(taken, "close")
    // Nothing of it is left at the database, and the server answers on.
    for (let tries = 0; ; tries++) {
      const { rows: busy } = await pool.query(
        "select from pg_stat_activity where application_name = 'capstan api' and state <> 'idle' and query like '%json_build_array%'"
      )
      if (busy.length === 0) break
      assert.isBelow(tries, 100)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    assert.strictEqual((await exported(own.token, "query=root")).status, 200)
  }, 60_000)
})

describe("pieces", () => {
  const columns = [{ heading: "N", of: (n: number) => n }]
  const visit = { requestId: "test" } as never

  const begun = async () => {
    const seen = { read: 0, ended: false }
    const pages = async function* (): AsyncGenerator<ReadonlyArray<number>> {
      try {
        for (;;) yield Array.from({ length: Pages.size }, () => seen.read++)
      } finally {
        seen.ended = true
      }
    }
    const download = { filename: "n.csv", mediaType: "text/csv", pieces: Csv.pieces(columns, pages()) }
    const answer = Result.getOrThrow(await Download.begin(Result.succeed(download), Log.silent, visit, "test"))
    return { reader: answer.body.getReader(), seen }
  }

  it("are read as they are taken, out of a list without end", async () => {
    const { reader, seen } = await begun()
    for (let taken = 1; taken <= 50; taken++) {
      await reader.read()
      assert.isAtMost(seen.read, (taken + 3) * Pages.size)
    }
    await reader.cancel()
    assert.isTrue(seen.ended)
  })

  it("stop where nobody takes them any more", async () => {
    const { reader, seen } = await begun()
    await reader.read()
    await reader.cancel()
    const { read } = seen
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepStrictEqual([seen.read, seen.ended], [read, true])
  })
})
