/** Random lives of a parent and a child that are suspended and served again, over years: what holds of every one. */
import { consumeCredits, suspendClient } from "@capstan/billing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { type Chances, chances } from "./interleavings/Chances.ts"
import { ailments, credit } from "./Selling.ts"
import { plan, reactivate, type Scene, scene, subscribe, suspend, turnTo } from "./Suspending.ts"
import { attempt, day, payer, pool, start } from "./World.ts"

interface Suspended {
  readonly client: string
  readonly from: number
  to: number
}

interface Life extends Scene {
  readonly child: string
  now: number
}

const behaviours = [
  "sandbox_succeed",
  "sandbox_succeed",
  "sandbox_decline_funds_1_then_succeed",
  "sandbox_timeout_after_charging_then_succeed",
  "sandbox_timeout_before_charging_then_succeed",
  "sandbox_flaky_30_7"
]

const born = async (dice: Chances): Promise<Life> => {
  const settings = { declinesUntilInactive: 100 }
  const made = await scene(dice.one(behaviours), { price: dice.one([0n, 2_900n, 2_900n]) }, { settings })
  const { client: child } = await payer(made, dice.one(behaviours), { parent: made.client })
  await plan(made.caller(), { key: "below", price: dice.one([0n, 900n, 900n]), credits: 20n * credit })
  await subscribe(made, child, "below")
  return { ...made, child, now: start }
}

const step = async (life: Life, dice: Chances): Promise<void> => {
  const client = dice.one([life.client, life.child])
  const { now } = life
  switch (dice.one(["suspend", "suspend", "reactivate", "reactivate", "spend", "go on", "go on", "go on"] as const)) {
    case "suspend":
      await attempt(suspendClient(life.at(now), { client, reason: null, note: null }))
      return
    case "reactivate":
      await attempt(reactivate(life, client, now))
      return
    case "spend":
      await attempt(
        consumeCredits(life.at(now), { client, amount: credit, feature: null, allowPartial: false, effectiveAt: null })
      )
      return
    case "go on":
      life.now += 1 + dice.upTo(dice.one([day, 40 * day, 100 * day]))
      if (dice.chance(0.6)) await turnTo(life, life.now)
  }
}

const suspensions = async ({ id }: Life): Promise<ReadonlyArray<Suspended>> => {
  const { rows } = await pool.query<{ client_id: string; kind: string; at: Date }>(
    `select client_id, kind, at from event where organization_id = $1
       and kind in ('client.suspended', 'client.reactivated') order by client_id, number`,
    [id]
  )
  const found: Array<Suspended> = []
  for (const { client_id: client, kind, at } of rows) {
    const last = found.at(-1)
    if (kind === "client.suspended") found.push({ client, from: at.getTime(), to: Number.POSITIVE_INFINITY })
    else if (last?.client === client) last.to = at.getTime()
  }
  return found
}

/** Nothing of a client accrues strictly between a suspension of it, or of its parent, and the end of that. */
const accruesNothing = async (life: Life): Promise<void> => {
  const { id, client, child } = life
  const suspended = await suspensions(life)
  const { rows } = await pool.query<{ client_id: string; kind: string; at: Date }>(
    `select client_id, kind, at from entry where organization_id = $1
       and kind in ('Debited', 'Renewed', 'Granted', 'Reserved')`,
    [id]
  )
  for (const entry of rows)
    for (const one of suspended) {
      const concerned = one.client === entry.client_id || (one.client === client && entry.client_id === child)
      const at = entry.at.getTime()
      assert.isFalse(concerned && one.from < at && at < one.to, `${entry.kind} at ${entry.at.toISOString()}`)
    }
}

const periodsTile = async ({ id }: Life): Promise<void> => {
  const { rows } = await pool.query<{ subscription: string; start: string; end: string }>(
    `select payload ->> 'subscription' as subscription, payload ->> 'periodStart' as start, payload ->> 'periodEnd' as end
     from event where organization_id = $1 and kind in ('subscription.activated', 'subscription.money_renewed')
     order by 1, (payload ->> 'periodStart')::bigint`,
    [id]
  )
  for (const periods of Map.groupBy(rows, ({ subscription }) => subscription).values())
    for (const [n, period] of periods.entries())
      if (n > 0) assert.strictEqual(period.start, periods[n - 1]?.end, "a gap, or an overlap")
}

/** No period has two orders that were served, and each was paid within the period that it is for. */
const chargesOnce = async ({ id }: Life): Promise<number> => {
  const { rows } = await pool.query<{ reference: string; paid: Date; starts_at: Date; ends_at: Date }>(
    `select o.reference, o.paid_at as paid, b.starts_at, b.ends_at from billing_order o
     join billed_period b on b.organization_id = o.organization_id and b.order_id = o.id
     where o.organization_id = $1 and b.outcome = 'served'`,
    [id]
  )
  assert.strictEqual(new Set(rows.map(({ reference }) => reference)).size, rows.length)
  for (const { paid, starts_at: from, ends_at: to } of rows) assert.isTrue(from <= paid && paid < to)
  return rows.length
}

/** What ails it, and how many periods of it were paid for and served. */
const lived = async (seed: number) => {
  const dice = chances(seed)
  const life = await born(dice)
  for (let steps = 0; steps < 40; steps++) await step(life, dice)
  await turnTo(life, life.now)
  await accruesNothing(life)
  await periodsTile(life)
  return { served: await chargesOnce(life), ailing: await ailments(life.id) }
}

/** One in which there is something to pay, and it is paid. */
const rich = 10
const others = Array.from({ length: 12 }, (_, seed) => seed + 1).filter((seed) => seed !== rich)

describe("a history of suspensions and reactivations", () => {
  it.each(others)("number %i keeps the laws", async (seed) => {
    assert.deepStrictEqual((await lived(seed)).ailing, [])
  })

  it(`number ${rich} does as well, and has periods that were paid for and served`, async () => {
    const { served, ailing } = await lived(rich)
    assert.deepStrictEqual(ailing, [])
    assert.isAbove(served, 2)
  })
})

describe("a suspension", () => {
  it("writes one client, whatever is below it", async () => {
    const alone = await scene("sandbox_succeed", { price: 0n })
    const many = await scene("sandbox_succeed", { price: 0n })
    await pool.query(
      `with below as (
         insert into client (organization_id, id, root_id, parent_id, path, name, currency, time_zone, onboarded_at, created_at, updated_at)
         select organization_id, gen_random_uuid(), id, id, array[id], 'Below ' || n, currency, time_zone, $2, $2, $2
         from client, generate_series(1, 10000) n where id = $1 returning organization_id, id
       ) insert into wallet (organization_id, client_id) select organization_id, id from below`,
      [many.client, new Date(start)]
    )
    const written = async ({ client, id, ...made }: Scene) => {
      await suspend({ ...made }, client, start + day)
      const { rows } = await pool.query<{ table: string; rows: number }>(
        `with mine as (select xmin from client where id = $2)
         select 'client' as table, count(*)::int as rows from client where organization_id = $1 and xmin = (select xmin from mine)
         union all select 'wallet', count(*)::int from wallet where organization_id = $1 and xmin = (select xmin from mine)
         union all select 'subscription', count(*)::int from subscription where organization_id = $1 and xmin = (select xmin from mine)
         union all select 'event', count(*)::int from event where organization_id = $1 and xmin = (select xmin from mine)
         union all select 'tree', count(*)::int from tree where organization_id = $1 and xmin = (select xmin from mine)`,
        [id, client]
      )
      return Object.fromEntries(rows.map(({ table, rows: count }) => [table, count]))
    }
    const expected = { client: 1, wallet: 0, subscription: 0, event: 1, tree: 1 }
    assert.deepStrictEqual(await written(alone), expected)
    assert.deepStrictEqual(await written(many), expected)
    const { rows } = await pool.query<{ id: string }>("select id from client where parent_id = $1 limit 1", [
      many.client
    ])
    const refused = await attempt(
      consumeCredits(many.at(start + 2 * day), {
        client: rows[0]?.id ?? "",
        amount: credit,
        feature: null,
        allowPartial: false,
        effectiveAt: null
      })
    )
    assert.isTrue(Result.isFailure(refused) && refused.failure._tag === "AncestorSuspended")
  })
})
