/**
 * A database of its own with tenants in it whose clocks the test moves, customers that spend, and an audit of what the
 * workers have left: every grant once, every threshold announced once, nothing due, nothing unrelayed.
 */
import * as Billing from "@capstan/billing"
import { Currency, type Money, type Plan, Rate } from "@capstan/domain"
import { type Caller, Database, Due, Ids, Key, Trees } from "@capstan/store"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { type Effect, Layer, ManagedRuntime } from "effect"
import { assert } from "@effect/vitest"

const credit = 1_000_000n
export const day = 86_400_000

const USD = Currency.Currency.make("USD")

const terms: Plan.Terms = {
  currency: USD,
  interval: { unit: "year", count: 1 },
  creditInterval: { unit: "month", count: 1 },
  credits: 10n * credit,
  creditValue: Rate.parse("1"),
  rollover: null,
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: null,
  seats: 1
}

export interface Scene {
  readonly url: string
  readonly pool: ReturnType<typeof TestDatabase.pool>
  /** Lets time pass in every organization. */
  readonly advance: (ms: number) => Promise<void>
  /** One debit of each client; those that are refused do not matter. */
  readonly spend: () => Promise<void>
  /** Whether all that came due and all that was told of is done. */
  readonly isDone: () => Promise<boolean>
  /** So many grants of each subscription, and all else once. */
  readonly audit: (grants: number) => Promise<void>
  readonly close: () => Promise<void>
}

export const create = async (organizations: number, clients: number): Promise<Scene> => {
  const { url, drop } = await TestDatabase.clone()
  const pool = TestDatabase.pool(url)
  pool.on("error", () => {})
  const layer = Layer.provideMerge(Trees.Trees.layer(url), Database.Database.layer(url, { max: 4 }))
  const runtime = ManagedRuntime.make(layer)
  const run = <A>(effect: Effect.Effect<A, unknown, Database.Database | Trees.Trees>) => runtime.runPromise(effect)
  const { db } = await run(Database.Database)
  const trees = await run(Trees.Trees)

  const callerAt = (organization: string, now: number): Caller => ({
    organization,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now,
    key: Ids.mint(),
    ifMatch: null
  })
  const caller = async (organization: string) => callerAt(organization, (await Due.now(db, organization)) ?? 0)

  const all: Array<{ readonly organization: string; readonly client: string }> = []
  for (let o = 0; o < organizations; o++) {
    const { id: organization } = await Organization.create(pool)
    const plan = { key: "pro", name: "Pro", price: 0n as Plan.Draft["price"], terms }
    await run(Billing.publishPlan(await caller(organization), plan))
    for (let c = 0; c < clients; c++) {
      const client = await Client.create(pool, { id: organization })
      all.push({ organization, client })
      const at = () => caller(organization)
      await run(Billing.createSubscription(await at(), { client, plan: "pro", seats: undefined, trial: undefined }))
      const bought = { priority: 0, unitCost: null, effectiveAt: null, source: "test", features: null }
      for (const days of [20, 45, null]) {
        const { now } = await at()
        const lot = {
          kind: "extra",
          amount: 1_000n * credit,
          expiresAt: days === null ? null : now + days * day
        } as const
        await run(Billing.grantCredits(await at(), { client, ...lot, ...bought }))
      }
      const limit: Money.Money = { amount: 20n as Money.Minor, currency: USD }
      const cap = {
        name: "daily",
        limit,
        every: "day",
        scope: "all",
        enforcement: "alert",
        thresholds: [50, 80, 100]
      } as const
      await run(Billing.setCap(await at(), { client, ...cap }))
    }
  }

  const clocks = async () => new Map((await Due.organizations(db, null, 1_000)).map((one) => [one.id, one]))

  return {
    url,
    pool,
    advance: async (ms) =>
      void (await pool.query("update organization set clock_ahead_ms = clock_ahead_ms + $1", [ms])),
    spend: async () => {
      const now = await clocks()
      await Promise.all(
        all.flatMap(({ organization, client }) => {
          const at = () => callerAt(organization, now.get(organization)?.now ?? 0)
          const ask = { client, feature: null, allowPartial: false }
          const hash = Key.hash("test", null)
          return [
            trees.post(at(), { _tag: "Debit", ...ask, amount: 3n * credit, effectiveAt: null, hash }),
            trees.post(at(), { _tag: "Reserve", ...ask, amount: credit, expiresIn: 60_000, atEnd: "release", hash })
          ]
        })
      )
    },
    isDone: async () => {
      const due = [...(await clocks()).values()].some(({ now, renewal, expiry, lapse }) =>
        [renewal, expiry, lapse].some((at) => at !== null && at <= now)
      )
      const { rows } = await pool.query<{ left: bigint }>(
        `select (select count(*) from event where relayed_at is null) + (
           select count(*) from event r where kind = 'spending_threshold.reached' and not exists (
             select from event a where a.organization_id = r.organization_id and a.client_id = r.client_id
               and a.kind = 'spending_threshold.announced' and a.payload->>'start' = r.payload->>'start'
               and a.payload->>'percent' = r.payload->>'percent'
           )) as left`
      )
      return !due && rows[0]?.left === 0n
    },
    audit: async (grants) => {
      const { rows } = await pool.query<{ granted: string }>(
        `select array_to_string(array_agg(split_part(key, ':', 3) order by seq), ' ') as granted
         from entry where namespace = 'renewal' group by organization_id, client_id`
      )
      const inOrder = Array.from({ length: grants }, (_, n) => n).join(" ")
      assert.deepStrictEqual(
        rows.map(({ granted }) => granted),
        all.map(() => inOrder)
      )
      const { rows: said } = await pool.query<{ reached: string; announced: string }>(
        `select count(*) filter (where kind like '%.reached') as reached,
           count(*) filter (where kind like '%.announced') as announced
         from event where kind like 'spending_threshold.%'
         group by organization_id, client_id, payload->>'start', payload->>'percent'`
      )
      assert.isAbove(said.length, 0)
      for (const { reached, announced } of said) assert.deepStrictEqual([reached, announced].map(Number), [1, 1])
      const { rows: wrong } = await pool.query(
        `select w.client_id from wallet w left join entry e on e.organization_id = w.organization_id and e.payer_id = w.client_id
         group by w.organization_id, w.client_id, w.seq having w.seq <> count(e.seq) or w.seq <> coalesce(max(e.seq), 0)
         union all
         select c.id from client c left join event e on e.organization_id = c.organization_id and e.client_id = c.id
         group by c.organization_id, c.id, c.events having c.events <> count(e.id) or c.events <> coalesce(max(e.number), 0)
         union all
         select client_id from entry where kind = 'Released' group by client_id, hold_id having count(*) > 1`
      )
      assert.deepStrictEqual(wrong, [])
    },
    close: async () => {
      await runtime.dispose()
      await pool.end()
      await drop()
    }
  }
}

/** Asks until it is so; fails where it is not in time. */
export const until = async (what: string, ms: number, isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > deadline) assert.fail(`Not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
