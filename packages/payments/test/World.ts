/** Use cases that pay, on the database of the run: each test makes an organization of its own, with the sandbox connected. */
import { PaymentGateway, type Refused } from "@capstan/billing"
import { type Caller, Connections, Database, Ids, PaymentMethods, Trees } from "@capstan/store"
import { Client, Database as Test, Organization } from "@capstan/testing"
import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { afterAll } from "vitest"
import { Payments } from "../src/index.ts"

const secret = "a secret of the installation, for tests"

const runtime = ManagedRuntime.make(
  Layer.mergeAll(Trees.Trees.layer(Test.url), Payments.layer(secret, { sandbox: { timeoutMs: 20 } })).pipe(
    Layer.provideMerge(Database.Database.layer(Test.url, { max: 8 }))
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

export const database = (): Promise<Database.Connection> => runtime.runPromise(Database.Database)
export const payments = (): Promise<PaymentGateway.PaymentGateway["Service"]> =>
  runtime.runPromise(PaymentGateway.PaymentGateway)

export const day = 86_400_000
/** The first of March 2026. */
export const start = Date.UTC(2026, 2, 1)

export interface World {
  readonly organization: { readonly id: string }
  /** To the sandbox. */
  readonly connection: PaymentGateway.Connection
  readonly caller: (over?: Partial<Caller>) => Caller
}

export const world = async (options?: Organization.Options): Promise<World> => {
  const organization = await Organization.create(pool, options)
  const { gateways, seal } = await payments()
  const connection = {
    organization: organization.id,
    id: Ids.mint(),
    secret: gateways["sandbox"]?.makeSecret?.() ?? ""
  }
  const { db } = await database()
  await db.transaction().execute((trx) =>
    Connections.insert(trx, organization.id, {
      id: connection.id,
      gateway: "sandbox",
      name: "Sandbox",
      sealed: seal(connection.secret, [organization.id, connection.id]),
      createdAt: start,
      disconnectedAt: null
    })
  )
  return {
    organization,
    connection,
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

/** A client whose default method behaves so, such as `sandbox_succeed`. */
export const payer = async (
  { organization, connection }: Pick<World, "connection" | "organization">,
  behaviour: string,
  options: Client.Options = {}
): Promise<{ readonly client: string; readonly method: string }> => {
  const client = await Client.create(pool, organization, options)
  const method = Ids.mint()
  const { db } = await database()
  await db.transaction().execute((trx) =>
    PaymentMethods.insert(trx, organization.id, {
      id: method,
      client,
      connection: connection.id,
      reference: `${behaviour}.${client}`,
      type: "card",
      brand: "visa",
      last4: "4242",
      isDefault: true,
      createdAt: start
    })
  )
  return { client, method }
}
