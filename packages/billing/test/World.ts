/** Use cases on the database of the run: each test makes an organization of its own, and says what time it is. */
import { Calendar, type Currency, Money, type Plan, Rate } from "@capstan/domain"
import { type Caller, Database, Ids, Trees } from "@capstan/store"
import { Database as Test, Organization } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { afterAll } from "vitest"
import { grantCredits, type PaymentGateway, publishPlan, type Refused } from "@capstan/billing"
import * as Gateway from "./Gateway.ts"

const runtime = ManagedRuntime.make(
  Layer.provideMerge(
    Layer.merge(Trees.Trees.layer(Test.url), Gateway.layer),
    Database.Database.layer(Test.url, { max: 8 })
  )
)
export const pool = Test.pool()

afterAll(async () => {
  await runtime.dispose()
  await pool.end()
})

export type Needs = Database.Database | PaymentGateway.PaymentGateway | Trees.Trees

/** What comes of it, success or refusal. */
export const attempt = <A>(effect: Effect.Effect<A, Refused, Needs>): Promise<Result.Result<A, Refused>> =>
  runtime.runPromise(Effect.result(effect))

export const run = async <A>(effect: Effect.Effect<A, Refused, Needs>): Promise<A> => {
  const result = await attempt(effect)
  if (Result.isSuccess(result)) return result.success
  throw new Error(
    `Refused: ${JSON.stringify(result.failure, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value))}`
  )
}

export const refusal = async (effect: Effect.Effect<unknown, Refused, Needs>): Promise<Refused> => {
  const result = await attempt(effect)
  if (Result.isFailure(result)) return result.failure
  throw new Error("It was not refused")
}

/** What a view of the database says. */
export const read = async <A, E>(
  view: (db: Database.Connection["db"]) => Promise<Result.Result<A, E>>
): Promise<Result.Result<A, E>> =>
  runtime.runPromise(Effect.flatMap(Database.Database, ({ db }) => Effect.promise(() => view(db))))

export const day = 86_400_000
/** The first of March 2026. */
export const start = Date.UTC(2026, 2, 1)
export const credit = 1_000_000n

export interface World {
  readonly organization: { readonly id: string }
  readonly caller: (over?: Partial<Caller>) => Caller
}

export const world = async (options?: Organization.Options): Promise<World> => {
  const organization = await Organization.create(pool, options)
  return {
    organization,
    caller: (over = {}) => ({
      organization: organization.id,
      reach: null,
      actor: "token:test",
      scopes: new Set(),
      now: start,
      key: Ids.mint(),
      ifMatch: null,
      ...over
    })
  }
}

export const grant = (
  caller: Caller,
  client: string,
  amount: bigint,
  over: Partial<Parameters<typeof grantCredits>[1]> = {}
) =>
  grantCredits(caller, {
    client,
    kind: "extra",
    amount,
    effectiveAt: null,
    expiresAt: null,
    priority: 0,
    unitCost: null,
    source: "grant",
    features: null,
    ...over
  })

export const spend = (client: string, amount: bigint) => ({
  client,
  amount,
  feature: null,
  allowPartial: false,
  effectiveAt: null
})

export const month = { unit: "month", count: 1 } as const

export const plan = (
  caller: Caller,
  over: { readonly key?: string; readonly price?: bigint; readonly terms?: Partial<Plan.Terms> } = {}
) =>
  publishPlan(caller, {
    key: over.key ?? "basic",
    name: "Basic",
    price: Money.Minor.make(over.price ?? 0n),
    terms: {
      currency: "USD" as Currency.Currency,
      interval: month,
      creditInterval: month,
      credits: 100n * credit,
      creditValue: Rate.zero,
      rollover: null,
      overage: null,
      unlimited: false,
      trial: null,
      promoAllowance: null,
      seats: 3,
      ...over.terms
    }
  })

export const utc = Calendar.Zone.make("UTC")

/** The lots of a wallet, as kind and what is left. */
export const lotsOf = (lots: ReadonlyArray<{ readonly kind: string; readonly left: bigint }>) =>
  lots.map(({ kind, left }) => `${kind} ${left / credit}`)
