import { Currency, Money } from "@capstan/domain"
import { assert, it } from "vitest"
import * as Billing from "../../src/index.ts"
import * as Scene from "./Scene.ts"

const announced = async (organization: string) => {
  const { rows } = await Scene.pool.query<{ payload: { percent: number; start: number } }>(
    "select payload from event where organization_id = $1 and kind = 'spending_threshold.announced' order by number",
    [organization]
  )
  return rows.map(({ payload }) => [payload.percent, payload.start])
}

it("a threshold of a window is announced once while its limit stands, and the client is stamped then", async () => {
  const { organization, clients } = await Scene.create(1)
  const [client = ""] = clients
  const reached = { client, cap: "019a0000-0000-7000-8000-000000000001", start: 0, percent: 50, used: "5", limit: "10" }
  const at = (now: number) => Scene.caller(organization, now, null)
  await Promise.all([5, 6, 7].map((now) => Scene.run(Billing.announceThreshold(at(Scene.start + now), reached))))
  const stampOf = async () => {
    const { rows } = await Scene.pool.query("select spending_cap_notified_at as at from client where id = $1", [client])
    return rows[0].at.getTime() - Scene.start
  }
  const first = await stampOf()
  assert.include([5, 6, 7], first)
  await Scene.run(Billing.announceThreshold(at(Scene.start + 8), { ...reached, used: "6" }))
  assert.strictEqual(await stampOf(), first)
  await Scene.run(Billing.announceThreshold(at(Scene.start + 8), { ...reached, limit: "20" }))
  assert.strictEqual(await stampOf(), 8)
  await Scene.run(Billing.announceThreshold(at(Scene.start + 9), { ...reached, percent: 80 }))
  await Scene.run(Billing.announceThreshold(at(Scene.start + 10), { ...reached, start: 1 }))
  assert.deepStrictEqual(await announced(organization), [
    [50, 0],
    [50, 0],
    [80, 0],
    [50, 1]
  ])
  assert.strictEqual(await stampOf(), 10)
})

it("the client's billing says when it was told, as long as that window goes on", async () => {
  const { organization, clients } = await Scene.create(1)
  const [client = ""] = clients
  const limit = { amount: Money.Minor.make(10n), currency: Currency.Currency.make("USD") }
  const by = (days: number) => Scene.caller(organization, Scene.start + days * Scene.day)
  const cap = {
    client,
    name: "day",
    limit,
    every: "week",
    scope: "all",
    enforcement: "hard",
    thresholds: [20]
  } as const
  const { id } = await Scene.run(Billing.setCap(by(0), cap))
  const debit = { client, amount: 2_000_000n, feature: null, allowPartial: false, effectiveAt: null }
  await Scene.run(Billing.consumeCredits(by(0), debit))
  const told = async (days: number) =>
    (await Scene.run(Billing.getClient(by(days), { client }))).billing.notifications.spendingCapAt
  assert.isNull(await told(0))
  const { rows } = await Scene.pool.query("select starts_at as start from cap_window where cap_id = $1", [id])
  const reached = { client, cap: id, start: rows[0].start.getTime(), percent: 20, used: "2", limit: "10" }
  await Scene.run(Billing.announceThreshold(by(0), reached))
  assert.deepStrictEqual([await told(0), await told(8)], [Scene.start, null])
})
