import { assert, it } from "@effect/vitest"
import { Result } from "effect"
import { onTestFinished } from "vitest"
import { CommandKeys, Database, Ids, Key } from "@capstan/store"
import { Database as Test, Organization } from "@capstan/testing"

const day = 86_400_000

it("a key is forgotten after thirty days, and not before", async () => {
  const clone = await Test.clone()
  const { db, pool, close } = Database.connect(clone.url, { max: 2 })
  onTestFinished(async () => {
    await close()
    await clone.drop()
  })
  const { id: organization } = await Organization.create(pool)
  const claim = (key: string) =>
    db
      .transaction()
      .execute((trx) =>
        CommandKeys.once(trx, { organization, procedure: "test", key, hash: Key.hash("test", key) }, async () =>
          Result.succeed(Ids.mint())
        )
      )
  const kept = async () => (await pool.query<{ key: string }>("select key from command_key order by key")).rows
  await claim("old")
  await claim("young")
  await pool.query("update command_key set created_at = now() - interval '31 days' where key = 'old'")

  assert.strictEqual(await CommandKeys.prune(db, Date.now() - 2 * day), 0)
  assert.strictEqual(await CommandKeys.prune(db, Date.now()), 1)
  assert.deepStrictEqual(await kept(), [{ key: "young" }])
})
