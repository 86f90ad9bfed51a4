/**
 * Each procedure that changes something does so once for a key, and not for another payload; a refused key may be tried
 * again, and nobody who reaches less is told what was answered under it.
 */
import { procedures } from "@capstan/contract"
import { assert, describe, it } from "vitest"
import { cases, named, once, own, url } from "./Mutations.ts"
import * as Rows from "./Rows.ts"
import { anId, type Answer, type Input, overRest, pool, tokenOf, transports } from "./Serving.ts"

/** A token that is confined to another client. */
const beside = (await tokenOf(own.id, { reach: await own.client() })).text

/** What is done by a link is looked at where links are: whoever has one is told. */
it("looks at every procedure that takes a key and a token", () => {
  const keyed = procedures.flatMap(([name, { idempotency, scope }]) =>
    idempotency === "none" || scope === null ? [] : [name]
  )
  assert.sameMembers(Object.keys(cases), keyed)
})

/** Has a key of its own for each item: those that differ are refused, and not all. */
const byItem = ["clients.import"]

const alike = (answer: Answer) => ({ ...answer.body, replayed: null })
const increase = (before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(after).flatMap(([table, count]) =>
      count === before[table] ? [] : [[table, count - (before[table] ?? 0)]]
    )
  )
/** But for the stamp of a tree, which a look at it under lock writes anew. */
const all = () => Rows.digests(own.id, ["tree"])

describe.each(Object.entries(cases))("%s", (name, make) => {
  it.each(transports)("is done once for a key, and told to nobody else, over %s", async (_, call) => {
    const [first, other] = await make()
    const key = once()
    const ask = (input: Input, token = own.token) => call(url, name, { ...input, ...key }, { token })
    const untouched = await all()
    const refused = await ask(first, beside)
    assert.isAtLeast(refused.status, 400, JSON.stringify(refused.body))
    assert.deepStrictEqual(await all(), untouched)

    const done = await ask(first)
    assert.isBelow(done.status, 300, JSON.stringify(done.body))
    const after = await all()
    const again = await ask(first)
    assert.deepStrictEqual([again.status, alike(again)], [done.status, alike(done)])
    const mismatched = await ask(other)
    if (byItem.includes(name)) assert.include(JSON.stringify(mismatched.body), "idempotency_conflict")
    else assert.deepStrictEqual([mismatched.status, mismatched.body["code"]], [409, "idempotency_conflict"])
    const stranger = await ask(first, beside)
    assert.isAtLeast(stranger.status, 400)
    assert.hasAllKeys(stranger.body, ["code", "message", "details", "requestId"])
    assert.deepStrictEqual(await all(), after)
  })

  it("is done once where two ask at once", async () => {
    const counted = async (ask: (input: Input) => Promise<ReadonlyArray<Answer>>) => {
      const [input] = await make()
      const before = await Rows.counts(own.id)
      const answers = await ask({ ...input, ...once() })
      for (const { status, body } of answers) assert.isBelow(status, 300, JSON.stringify(body))
      return { answers, rows: increase(before, await Rows.counts(own.id)) }
    }
    const alone = await counted(async (input) => [await overRest(url, name, input, own)])
    const both = await counted((input) =>
      Promise.all([overRest(url, name, input, own), overRest(url, name, input, own)])
    )
    const [one, two] = both.answers.map(alike)
    assert.deepStrictEqual(one, two)
    assert.deepStrictEqual(both.rows, alone.rows)
  })
})

it("a token that is told under a key is told again to its maker alone, and nothing readable of it is kept", async () => {
  const { text, id } = await tokenOf(own.id)
  let held = text
  const weaker = (await tokenOf(own.id, { scopes: ["accessTokens:write"] })).text
  for (const transport of transports) {
    const [, call] = transport
    const key = once()
    const input = { name: "Strong", scopes: ["credits:write"], ...key }
    const { body } = await call(url, "accessTokens.create", input, { token: held })
    const told = named(body, "token")
    for (const other of [own.token, weaker]) {
      const refused = await call(url, "accessTokens.create", input, { token: other })
      assert.deepStrictEqual([refused.status, refused.body["code"]], [409, "idempotency_conflict"])
    }
    // The maker has got a new secret meanwhile: it is the same.
    const rotated = await call(url, "accessTokens.rotate", { token: id }, { token: held })
    held = named(rotated.body, "token")
    const again = await call(url, "accessTokens.create", input, { token: held })
    assert.deepStrictEqual(again.body, body)
    assert.strictEqual((await call(url, "credits.balance", { client: anId() }, { token: told })).status, 404)
    const { rows } = await pool.query<{ row: string }>(
      "select k::text || coalesce(encode(k.sealed, 'escape'), '') as row from command_key k where organization_id = $1 and key = $2",
      [own.id, key.idempotencyKey]
    )
    assert.strictEqual(rows.length, 1)
    for (const part of [told, told.slice(74, 117)]) assert.notInclude(rows[0]?.row, part)
  }
})
