/** A plan of 100 credits a month, free unless told: there is no procedure yet that publishes one. */
import { publishPlan } from "@capstan/billing"
import { Currency, Money, type Plan, Rate } from "@capstan/domain"
import { type Caller, Database, Trees } from "@capstan/store"
import { Database as TestDatabase } from "@capstan/testing"
import { Layer, ManagedRuntime } from "effect"
import { afterAll } from "vitest"

const month = { unit: "month", count: 1 } as const

const terms: Plan.Terms = {
  currency: Currency.Currency.make("USD"),
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

const runtime = ManagedRuntime.make(
  Layer.provideMerge(
    Trees.Trees.layer(TestDatabase.url),
    Database.Database.layer(TestDatabase.url, { max: 2, name: "test" })
  )
)
afterAll(() => runtime.dispose())

/** The id of the version. */
export const publish = async (
  organization: string,
  key: string,
  { price = 0n, trial = null }: { readonly price?: bigint; readonly trial?: Plan.Terms["trial"] } = {}
): Promise<string> => {
  const caller: Caller = {
    organization,
    reach: null,
    actor: "test",
    scopes: new Set(),
    now: Date.now(),
    key: null,
    ifMatch: null
  }
  const published = publishPlan(caller, {
    key,
    name: "Plan",
    price: Money.Minor.make(price),
    terms: { ...terms, trial }
  })
  return (await runtime.runPromise(published)).id
}
