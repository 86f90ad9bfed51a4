/** Organizations of tests in which things come due, at times that the test says. */
import { Currency, type Plan, Rate } from "@capstan/domain"
import { type Caller, Database, Ids, Trees } from "@capstan/store"
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { type Effect, Layer, ManagedRuntime } from "effect"
import { afterAll } from "vitest"
import * as Billing from "../../src/index.ts"
import * as Gateway from "../Gateway.ts"

const credit = 1_000_000n
export const start = Date.UTC(2026, 0, 31, 10)
const hour = 3_600_000
export const day = 24 * hour

const database = Database.Database.layer(TestDatabase.url, { max: 6 })
const trees = Trees.Trees.layer(TestDatabase.url, { inFlight: 1 })
const runtime = ManagedRuntime.make(Layer.provideMerge(Layer.merge(trees, Gateway.layer), database))
export const pool = TestDatabase.pool()
afterAll(async () => {
  await runtime.dispose()
  await pool.end()
})

type Needs = Database.Database | Billing.PaymentGateway.PaymentGateway | Trees.Trees

export const run = <A>(effect: Effect.Effect<A, unknown, Needs>): Promise<A> => runtime.runPromise(effect)

export const caller = (organization: string, now: number, key: string | null = Ids.mint()): Caller => ({
  organization,
  reach: null,
  actor: "test",
  scopes: new Set(),
  now,
  key,
  ifMatch: null
})

const terms: Plan.Terms = {
  currency: Currency.Currency.make("USD"),
  interval: { unit: "year", count: 1 },
  creditInterval: { unit: "month", count: 1 },
  credits: 100n * credit,
  creditValue: Rate.parse("1"),
  rollover: { min: 0n, max: 30n * credit, renewals: 1 },
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: { amount: 5n * credit, interval: { unit: "week", count: 1 } },
  seats: 1
}

export interface Scene {
  readonly organization: string
  readonly clients: ReadonlyArray<string>
}

/** Clients that subscribe to monthly credits, hold a lot that ends after ten days, and have set credits aside. */
export const create = async (clients: number): Promise<Scene> => {
  const { id: organization } = await Organization.create(pool)
  await run(
    Billing.publishPlan(caller(organization, start), {
      key: "pro",
      name: "Pro",
      price: 0n as Plan.Draft["price"],
      terms
    })
  )
  const ids: Array<string> = []
  for (let n = 0; n < clients; n++) {
    const client = await Client.create(pool, { id: organization })
    ids.push(client)
    await subscribe(organization, client)
  }
  return { organization, clients: ids }
}

const subscribe = async (organization: string, client: string) => {
  const at = () => caller(organization, start)
  await run(Billing.createSubscription(at(), { client, plan: "pro", seats: undefined, trial: undefined }))
  const lot = { kind: "promo", amount: 7n * credit, effectiveAt: null, expiresAt: start + 10 * day } as const
  const more = { priority: 0, unitCost: null, source: "gift", features: null }
  await run(Billing.grantCredits(at(), { client, ...lot, ...more }))
  const hold = { amount: 110n * credit, feature: null, allowPartial: false, expiresIn: 40 * hour }
  await run(Billing.reserveCredits(at(), { client, ...hold }))
}

/** What the ledger has of it, without what differs from one organization to another. */
export const ledger = async ({ organization, clients }: Scene) => {
  const { rows } = await pool.query(
    `select payer_id, seq::int, namespace, kind, amount::text, balance::text, case when namespace = 'renewal' then
       substr(key, 38) end as grant_key
     from entry where organization_id = $1 order by payer_id, seq`,
    [organization]
  )
  return clients.map((client) => rows.flatMap(({ payer_id, ...row }) => (payer_id === client ? [row] : [])))
}
