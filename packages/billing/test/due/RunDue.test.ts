import { assert, it } from "vitest"
import * as Billing from "../../src/index.ts"
import * as Scene from "./Scene.ts"

const { run, start, day } = Scene

it("years that pass at once leave what they leave day by day", async () => {
  const [atOnce, daily] = await Promise.all([Scene.create(2), Scene.create(2)])
  const end = start + 400 * day
  const done = await run(Billing.runDue(atOnce.organization, end))
  for (let now = start; now <= end; now += day) await run(Billing.runDue(daily.organization, now))
  const ledger = await Scene.ledger(atOnce)
  assert.deepStrictEqual(await Scene.ledger(daily), ledger)
  assert.deepStrictEqual([done.lapse, done.expiry, done.more, done.refused], [2, 2, false, []])
  const grants = ledger[0]?.flatMap(({ grant_key }) => (/^\d+:\d+$/.test(grant_key ?? "") ? [grant_key] : []))
  // From the end of January 2026, for 400 days.
  assert.deepStrictEqual(
    grants,
    Array.from({ length: 14 }, (_, n) => `0:${n}`)
  )
})

it("what is due is done once, whoever does it at the same time", async () => {
  const scene = await Scene.create(8)
  const until = start + 100 * day
  const done = await Promise.all(Array.from({ length: 4 }, () => run(Billing.runDue(scene.organization, until))))
  await run(Billing.runDue(scene.organization, until))
  const ledger = await Scene.ledger(scene)
  const kinds = ledger.map((entries) =>
    Object.fromEntries(
      Object.entries(Object.groupBy(entries, ({ kind }) => kind)).map(([kind, of]) => [kind, of?.length])
    )
  )
  // Four months, and fifteen weeks of the allowance.
  for (const counts of kinds)
    assert.deepStrictEqual(counts, { Renewed: 4 + 15, Granted: 1, Reserved: 1, Released: 1, Expired: 1 })
  assert.strictEqual(
    done.reduce((sum, { expiry }) => sum + expiry, 0),
    8
  )
})

it("a tree that is locked is left for the next time, and holds up no other", async () => {
  const scene = await Scene.create(3)
  const [locked] = scene.clients
  const session = await Scene.pool.connect()
  await session.query("begin")
  await session.query("select from tree where organization_id = $1 and root_id = $2 for no key update", [
    scene.organization,
    locked
  ])
  const until = start + 20 * day
  const before = await Scene.ledger(scene)
  const first = await run(Billing.runDue(scene.organization, until))
  assert.deepStrictEqual([first.lapse, first.expiry, first.more], [2, 2, true])
  const between = await Scene.ledger(scene)
  assert.deepStrictEqual(between[0], before[0])
  await session.query("rollback")
  session.release()
  const second = await run(Billing.runDue(scene.organization, until))
  assert.deepStrictEqual([second.lapse, second.expiry, second.more], [1, 1, false])
  const [free, ...others] = (await Scene.ledger(scene)).toReversed()
  for (const entries of others) assert.deepStrictEqual(entries.length, free?.length)
  assert.deepStrictEqual(between[2], free)
})

it("so many transactions are not passed, and the rest is done by the next ones", async () => {
  const scene = await Scene.create(2)
  const until = start + 100 * day
  let turns = 0
  while ((await run(Billing.runDue(scene.organization, until, 3))).more) turns++
  assert.isAbove(turns, 5)
  const other = await Scene.create(2)
  await run(Billing.runDue(other.organization, until))
  assert.deepStrictEqual(await Scene.ledger(scene), await Scene.ledger(other))
})

it("more holds than one transaction settles are settled", async () => {
  const scene = await Scene.create(1)
  const [client = ""] = scene.clients
  const hold = { client, amount: 1n, feature: null, allowPartial: false, expiresIn: 1_000 }
  const caller = () => Scene.caller(scene.organization, start)
  await Promise.all(Array.from({ length: 1_200 }, () => run(Billing.reserveCredits(caller(), hold))))
  const done = await run(Billing.runDue(scene.organization, start + 2_000))
  const { rows } = await Scene.pool.query(
    "select outcome, count(*)::int as holds from hold where organization_id = $1 group by 1",
    [scene.organization]
  )
  assert.deepStrictEqual(
    rows.toSorted((a, b) => a.holds - b.holds),
    [
      { outcome: null, holds: 1 },
      { outcome: "expired", holds: 1_200 }
    ]
  )
  assert.isFalse(done.more)
})

it("decisions of a tree do not go back in time, however late the work is", async () => {
  const scene = await Scene.create(1)
  const [client = ""] = scene.clients
  const late = start + 50 * day
  const spend = { client, amount: 1n, feature: null, allowPartial: false, effectiveAt: null }
  await run(Billing.consumeCredits(Scene.caller(scene.organization, late), spend))
  await run(Billing.runDue(scene.organization, late))
  const { rows } = await Scene.pool.query("select at from entry where organization_id = $1 order by seq", [
    scene.organization
  ])
  const times = rows.map(({ at }) => at.getTime())
  assert.deepStrictEqual(
    times,
    times.toSorted((a, b) => a - b)
  )
})
