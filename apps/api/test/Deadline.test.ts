import { Client } from "@capstan/testing"
import { assert, it } from "@effect/vitest"
import { anId, organization, overRest, pool, start, transports } from "./Serving.ts"

const { url } = await start({ deadlineMs: 200 })

it.each(transports)("over %s, what takes too long is of unknown outcome, and its key finds out", async (_, call) => {
  const { id, token } = await organization()
  const client = await Client.create(pool, { id })
  const grant = { client, kind: "extra", amount: "5", idempotencyKey: anId() }
  assert.strictEqual((await overRest(url, "credits.grant", grant, { token })).status, 201)
  const debit = { client, amount: "2", idempotencyKey: anId() }
  const holder = await pool.connect()
  try {
    await holder.query("begin")
    await holder.query("select from tree where organization_id = $1 for update", [id])
    const late = await call(url, "credits.consume", debit, { token })
    assert.deepStrictEqual([late.status, late.body["code"]], [503, "outcome_unknown"])
    assert.isAtLeast(Number(late.headers.get("retry-after")), 1)
  } finally {
    await holder.query("rollback")
    holder.release()
  }
  let found = await call(url, "credits.consume", debit, { token })
  while (found.status === 503) found = await call(url, "credits.consume", debit, { token })
  assert.strictEqual(found.status, 200, JSON.stringify(found.body))
  const { rows } = await pool.query<{ readonly n: bigint }>(
    "select count(*) as n from entry where organization_id = $1 and kind = 'Debited'",
    [id]
  )
  assert.strictEqual(rows[0]?.n, 1n)
})
