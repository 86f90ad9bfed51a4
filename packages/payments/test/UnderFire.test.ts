import { type Refused, refundOrder, runDue } from "@capstan/billing"
import type { Currency, Money } from "@capstan/domain"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { attempt, type Needs, payer, pool, run, start, world } from "./World.ts"
import { buy, charged, credit, isWell, left, pack } from "./Selling.ts"

/** As a process that dies after so many milliseconds: what is under way in the database ends, and nothing follows it. */
const cutShort = <A>(ms: number, effect: Effect.Effect<A, Refused, Needs>) => attempt(Effect.timeoutOption(effect, ms))

it("with two in five answers lost and processes that die, what is charged is granted, and what went back taken", async () => {
  const scene = await world()
  const { organization, caller } = scene
  const { id } = organization
  await pack(caller())
  const clients = await Promise.all([1, 2, 3, 4].map((seed) => payer(scene, `sandbox_flaky_40_${seed}`)))
  await Promise.all(
    clients.flatMap(({ client }, n) => [
      attempt(buy(caller(), client)),
      ...Array.from({ length: 6 }, (_, i) => cutShort(((n * 6 + i) * 7) % 60, buy(caller(), client)))
    ])
  )
  // Two workers, one of which dies all the time.
  let now = start
  const settle = async () => {
    for (let turn = 0; turn < 60; turn++) {
      now += 300_000
      await Promise.all([cutShort((turn * 5) % 30, runDue(id, now)), turn % 3 === 0 ? run(runDue(id, now)) : null])
      const { rows } = await pool.query(
        `select 1 from payment where organization_id = $1 and due_at is not null
         union all select 1 from payment_reversal where organization_id = $1 and due_at is not null`,
        [id]
      )
      if (rows.length === 0) return
    }
    assert.fail("Something is not settled after five hours")
  }
  await settle()
  const { rows: orders } = await pool.query<{ id: string; status: string }>(
    "select id, status from billing_order where organization_id = $1",
    [id]
  )
  assert.isTrue(orders.length > 0 && orders.every(({ status }) => status === "paid"))
  assert.deepInclude(await charged(id), { charges: orders.length, amount: BigInt(orders.length) * 1_000n })
  const held = async () =>
    (await Promise.all(clients.map(({ client }) => left(id, client)))).reduce((a, b) => a + b, 0n)
  assert.strictEqual(await held(), BigInt(orders.length) * 100n)
  await isWell(id)

  const half = { amount: { amount: 500n as Money.Minor, currency: "USD" as Currency.Currency }, policy: "owe" } as const
  await Promise.all(
    orders.map(({ id: order }, n) => {
      const refund = refundOrder(caller({ now }), { order, ...half })
      return n === 0 ? attempt(refund) : cutShort((n * 11) % 60, refund)
    })
  )
  await settle()
  const { rows: reversals } = await pool.query<{ status: string; taken: bigint }>(
    "select status, taken from payment_reversal where organization_id = $1",
    [id]
  )
  assert.isTrue(reversals.length > 0)
  for (const { status, taken } of reversals)
    assert.deepStrictEqual([status, BigInt(taken)], ["succeeded", 50n * credit])
  assert.strictEqual((await charged(id)).back, BigInt(reversals.length) * 500n)
  assert.strictEqual(await held(), BigInt(orders.length) * 100n - BigInt(reversals.length) * 50n)
  await isWell(id)
})
