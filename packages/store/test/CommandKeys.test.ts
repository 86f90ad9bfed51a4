import { createSecretKey, randomBytes } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { afterAll, onTestFinished } from "vitest"
import { CommandKeys, Database, Ids, Key, Sealed } from "@capstan/store"
import { Database as Test, Organization } from "@capstan/testing"

const day = 86_400_000
const shared = Database.connect(Test.url, { max: 4 })
afterAll(shared.close)

/** Asks under a key, for work that makes something new each time. */
const asking =
  ({ db }: Pick<Database.Connection, "db">, organization: string) =>
  (key: string, over: Partial<CommandKeys.Asked> = {}, made: () => unknown = Ids.mint) =>
    db
      .transaction()
      .execute((trx) =>
        CommandKeys.once(
          trx,
          { organization, reach: null, procedure: "test", key, hash: Key.hash("test", "payload"), ...over },
          async () => Result.succeed(made())
        )
      )

it("a key is forgotten after thirty days, and not before", async () => {
  const clone = await Test.clone()
  const connection = Database.connect(clone.url, { max: 2 })
  const { db, pool } = connection
  onTestFinished(async () => {
    await connection.close()
    await clone.drop()
  })
  const { id: organization } = await Organization.create(pool)
  const ask = asking(connection, organization)
  const kept = async () => (await pool.query<{ key: string }>("select key from command_key order by key")).rows
  await ask("old")
  await ask("young")
  await pool.query("update command_key set created_at = now() - interval '31 days' where key = 'old'")

  assert.strictEqual(await CommandKeys.prune(db, Date.now() - 2 * day), 0)
  assert.strictEqual(await CommandKeys.prune(db, Date.now()), 1)
  assert.deepStrictEqual(await kept(), [{ key: "young" }])
})

describe("an answer under a key", () => {
  it("is told again as it was, with its amounts, and to nobody of another reach", async () => {
    const { id: organization } = await Organization.create(shared.pool)
    const ask = asking(shared, organization)
    const made = () => ({ id: Ids.mint(), amount: 3n, odd: "n:3" })
    for (const reach of [null, Ids.mint()]) {
      const key = Ids.mint()
      const first = await ask(key, { reach }, made)
      assert.deepStrictEqual(await ask(key, { reach }, made), first)
      for (const other of [null, Ids.mint()].filter((other) => other !== reach))
        assert.deepStrictEqual(await ask(key, { reach: other }, made), Result.fail({ _tag: "KeyReused", key }))
    }
  })

  it("is kept sealed where it tells a secret, and told to the same caller alone", async () => {
    const { id: organization } = await Organization.create(shared.pool)
    const ask = asking(shared, organization)
    const seal = Sealed.under(createSecretKey(randomBytes(32)), "answers")
    const text = `secret-${Ids.mint()}`
    const key = Ids.mint()
    const secret = { seal, actor: "token:one" }
    const first = await ask(key, { secret }, () => ({ text }))
    assert.deepStrictEqual(first, Result.succeed({ text }))
    assert.deepStrictEqual(await ask(key, { secret }, () => ({ text: "another" })), first)
    for (const over of [{ secret: { seal, actor: "token:other" } }, {}])
      assert.deepStrictEqual(await ask(key, over), Result.fail({ _tag: "KeyReused", key }))
    const { rows } = await shared.pool.query<{ row: string }>(
      "select k::text as row from command_key k where organization_id = $1",
      [organization]
    )
    assert.strictEqual(rows.length, 1)
    for (const shown of [text, Buffer.from(text).toString("hex")]) assert.notInclude(rows[0]?.row, shown)
  })
})
