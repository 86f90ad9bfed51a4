import { assert, describe, it } from "@effect/vitest"
import { Client } from "@capstan/testing"
import { anId, organization, pool, start, transports } from "./Serving.ts"

const { url } = await start()

const forged = (...place: ReadonlyArray<unknown>) => Buffer.from(JSON.stringify(place)).toString("base64url")

const lists = [
  ["clients.list", "-createdAt", 1],
  ["clients.list", "name", "a"],
  ["credits.ledger", "seq", 1],
  ["accessTokens.list", "-createdAt", 1],
  ["caps.list", "name", "a"]
] as const

describe.each(transports)("over %s", (_, call) => {
  it.each(lists)("a cursor of %s by %s is refused where Postgres could not take it", async (name, order, value) => {
    const own = await organization()
    const client = await Client.create(pool, own)
    const ask = (cursor: string) => {
      const whose = name === "credits.ledger" || name === "caps.list" ? { client } : {}
      const sorting = name === "clients.list" ? { sorting: order } : {}
      return call(url, name, { ...whose, ...sorting, cursor }, own)
    }
    const well = await ask(forged(order, value, anId()))
    assert.strictEqual(well.status, 200, JSON.stringify(well.body))
    const values = typeof value === "number" ? [1e15, -1, 0.5, 1e300, null, "1"] : ["a\0b", 1, null, {}]
    const places = [
      ...values.map((value) => [order, value, anId()]),
      [order, value, "no id"],
      [order, value, `${anId()}'`],
      [order, value, 7],
      [order, value],
      ["other", value, anId()]
    ]
    for (const place of places) {
      const { status, body } = await ask(forged(...place))
      assert.deepStrictEqual([status, body["code"]], [400, "invalid_request"], JSON.stringify(place))
    }
    for (const cursor of ["x", Buffer.from("[").toString("base64url"), Buffer.from("null").toString("base64url")])
      assert.strictEqual((await ask(cursor)).status, 400)
  })
})
