/** An organization of many clients, made by SQL: with parents, metadata, some suspended, some subscribed. */
import {
  consumeCredits,
  createMember,
  createSubscription,
  grantCredits,
  inviteMember,
  publishPlan,
  setCap
} from "@capstan/billing"
import { type Currency, Money, type Plan, Rate } from "@capstan/domain"
import { type Caller, Database, Trees } from "@capstan/store"
import { Effect, Layer } from "effect"
import { v7 as newId } from "uuid"
import type { Arena } from "./Arena.ts"

export interface Crowd {
  readonly organization: string
  /** One that has children. */
  readonly parent: string
  /** One that is subscribed and capped, with members, an invitation and entries in its ledger. */
  readonly subscribed: string
}

const month = { unit: "month", count: 1 } as const
const terms: Plan.Terms = {
  currency: "EUR" as Currency.Currency,
  interval: month,
  creditInterval: month,
  credits: 100_000_000n,
  creditValue: Rate.zero,
  rollover: null,
  overage: null,
  unlimited: false,
  trial: null,
  promoAllowance: null,
  seats: 3
}

const first = ["Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Haven", "Iris", "Juniper"]
const second = [
  "Analytics",
  "Bakery",
  "Consulting",
  "Design",
  "Energy",
  "Foods",
  "Games",
  "Health",
  "Imports",
  "Jewels"
]

/** Every fifth is below one of the first thousand, every fiftieth is suspended, every tenth is subscribed. */
export const plant = async ({ pool, url }: Arena, count: number): Promise<Crowd> => {
  const organization = newId()
  const now = new Date()
  const run = (text: string, values: ReadonlyArray<unknown> = []) => pool.query(text, [organization, ...values])
  await run(
    `insert into organization (id, name, mode, currency, time_zone, created_at) values ($1, 'bench', 'live', 'EUR', 'UTC', $2)`,
    [now]
  )
  await pool.query("create temp table made as select n, gen_random_uuid() as id from generate_series(1, $1::int) n", [
    count
  ])
  const { rows } = await pool.query<{ id: string }>("select id from made where n in (1, 10) order by n")
  const [parent = "", subscribed = ""] = rows.map(({ id }) => id)
  await run("insert into tree (organization_id, root_id, stamp, at) select $1, id, gen_random_uuid(), $2 from made", [
    now
  ])
  await run(
    `insert into client (organization_id, id, root_id, parent_id, path, external_id, name, email, currency, time_zone, metadata,
       suspensions, onboarded_at, created_at, updated_at)
     select $1, m.id, coalesce(p.id, m.id), p.id, case when p.id is null then '{}' else array[p.id] end, 'crm-' || m.n,
       ($3::text[])[1 + m.n % 10] || ' ' || ($4::text[])[1 + m.n / 10 % 10] || ' ' || m.n, 'billing@client' || m.n || '.example',
       'EUR', 'UTC', jsonb_build_object('tier', (array['free', 'pro', 'gold'])[1 + m.n % 3], 'account', m.n, 'batch', m.n % 1000),
       case when m.n % 50 = 7 then $5::json else '[]' end, $2, $2::timestamptz - m.n * interval '1 minute', $2
     from made m left join made p on m.n > 1000 and m.n % 5 = 0 and p.n = 1 + m.n % 1000`,
    [
      now,
      first,
      second,
      JSON.stringify([{ cause: "operator", reason: null, note: null, by: "bench", at: now.getTime() }])
    ]
  )
  await run("insert into wallet (organization_id, client_id) select $1, id from made")
  await run(
    `insert into payer_of_record (organization_id, client_id, number, payer_id, since, actor) select $1, id, 1, id, $2, 'bench' from made`,
    [now]
  )
  await subscribe(url, organization, subscribed)
  await run(
    `insert into subscription (organization_id, id, client_id, plan_version_id, base, status, state, created_at, updated_at)
     select $1, gen_random_uuid(), m.id, s.plan_version_id, true, s.status, s.state, s.created_at, s.updated_at
     from made m, subscription s where s.organization_id = $1 and m.n % 10 = 0 and m.id <> s.client_id`
  )
  await pool.query("drop table made")
  await pool.query("vacuum analyze")
  return { organization, parent, subscribed }
}

const subscribe = (url: string, organization: string, client: string): Promise<unknown> => {
  const caller: Caller = {
    organization,
    reach: null,
    actor: "bench",
    scopes: new Set(),
    now: Date.now(),
    key: null,
    ifMatch: null
  }
  const plan = { key: "pro", name: "Pro", price: Money.Minor.make(0n), terms }
  const services = Trees.Trees.layer(url).pipe(Layer.provideMerge(Database.Database.layer(url, { max: 2 })))
  return Effect.runPromise(
    Effect.gen(function* () {
      yield* publishPlan(caller, plan)
      yield* createSubscription(caller, { client, plan: "pro", seats: undefined, trial: undefined })
      yield* people(caller, client)
      yield* spending(caller, client)
    }).pipe(Effect.provide(services))
  )
}

const people = Effect.fnUntraced(function* (caller: Caller, client: string) {
  const person = { client, name: null, externalId: null }
  yield* createMember(caller, { ...person, email: "owner@client.example", role: "OWNER" })
  yield* createMember(caller, { ...person, email: "member@client.example", role: "STAFF" })
  yield* inviteMember(caller, { client, name: null, email: "invited@client.example", role: "STAFF" })
})

const spending = Effect.fnUntraced(function* (caller: Caller, client: string) {
  const cap = { client, scope: "all", enforcement: "hard", thresholds: [50, 80, 100] } as const
  const limit = { amount: Money.Minor.make(100_000n), currency: terms.currency }
  for (const every of ["day", "month", "lifetime"] as const)
    yield* setCap(caller, { ...cap, name: every, every, limit })
  const lot = { client, kind: "extra", amount: 1_000_000n, effectiveAt: null, expiresAt: null, priority: 0 } as const
  const plain = { unitCost: null, source: "bench", features: null }
  const spend = { client, amount: 1_000n, feature: null, allowPartial: false, effectiveAt: null }
  for (let n = 0; n < 3; n++) yield* grantCredits({ ...caller, key: `grant-${n}` }, { ...lot, ...plain })
  for (let n = 0; n < 20; n++) yield* consumeCredits({ ...caller, key: `spend-${n}` }, spend)
})
