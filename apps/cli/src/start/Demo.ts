/**
 * The sandbox organization of a first start: a plan, an agency with a payment method, three of its clients, credits and
 * caps.
 *
 * Every step has a key, so a start that was cut short is taken up by the next. Where there are organizations already, but
 * no demo, none is made.
 */
import type { KeyObject } from "node:crypto"
import {
  completeOnboarding,
  connectGateway,
  createAccessToken,
  createClient,
  createOrganization,
  createSubscription,
  grantCredits,
  publishPlan,
  setCap,
  setUpMethod
} from "@capstan/billing"
import { Scope } from "@capstan/contract"
import { Calendar, Credits, Currency, Money, Rate } from "@capstan/domain"
import { Payments } from "@capstan/payments"
import { AccessTokens, Database } from "@capstan/store"
import { Effect } from "effect"
import * as Home from "../Home.ts"
import { callerOf, type Run, withTrees } from "../Program.ts"

const name = "Demo"
const currency = Currency.Currency.make("USD")

/** The demo and its token; undefined where the database has other tenants only. */
export const ready = async (home: Home.Home, url: string, secret: string): Promise<Home.Demo | undefined> => {
  const pepper = AccessTokens.pepper(secret)
  const database = Database.connect(url, { max: 1, name: "capstan start" })
  try {
    const known = Home.demo(home)
    if (known !== undefined && (await isGood(database, known, pepper))) return known
    const organizations = await database.db
      .selectFrom("organization")
      .select(["id", "name", "mode", "clock_ahead_ms"])
      .orderBy("created_at")
      .limit(100)
      .execute()
    const found = organizations.find((organization) => organization.name === name && organization.mode === "sandbox")
    if (found === undefined && organizations.length > 0) return undefined
    const now = Date.now() + Number(found?.clock_ahead_ms ?? 0)
    const demo = await withTrees(url, async (run) => {
      const organization = found?.id ?? (await create(run, now))
      await furnish(run, organization, now, secret)
      const input = { name: "Demo", scopes: Scope.all, client: null, perSecond: 100_000, expiresAt: null }
      const { text } = await run(createAccessToken(callerOf(organization, now), input, pepper))
      return { organization, token: text }
    })
    Home.keepDemo(home, demo)
    return demo
  } finally {
    await database.close()
  }
}

/** Whether the token is one of this database, under this secret, and still in force. */
const isGood = async ({ db }: Database.Connection, demo: Home.Demo, pepper: KeyObject): Promise<boolean> => {
  const parts = AccessTokens.parse(demo.token)
  if (parts === null) return false
  const row = await db
    .selectFrom("access_token")
    .select(["secret_hash", "revoked_at"])
    .where("organization_id", "=", parts.organization)
    .where("id", "=", parts.id)
    .executeTakeFirst()
  return row !== undefined && row.revoked_at === null && row.secret_hash.equals(AccessTokens.hash(pepper, parts.secret))
}

const create = async (run: Run, at: number): Promise<string> => {
  const timeZone = Calendar.Zone.make("UTC")
  const { id } = await run(createOrganization({ name, mode: "sandbox", currency, timeZone, settings: {}, at }))
  return id
}

const credits = Credits.parse
const dollars = (amount: bigint): Money.Money => ({ amount: Money.Minor.make(amount * 100n), currency })

/** Bakery and clinic have wallets of their own, the studio draws on the agency's. */
const clients = [
  { ref: "agency", parent: null, name: "Agency", usesParentBalance: false },
  { ref: "bakery", parent: "ext:agency", name: "Bakery", usesParentBalance: false },
  { ref: "clinic", parent: "ext:agency", name: "Clinic", usesParentBalance: false },
  { ref: "studio", parent: "ext:agency", name: "Studio", usesParentBalance: true }
] as const

const caps = [
  { client: "ext:agency", limit: dollars(100n) },
  { client: "ext:bakery", limit: dollars(3n) },
  { client: "ext:studio", limit: dollars(20n) }
] as const

const furnish = async (run: Run, organization: string, now: number, secret: string): Promise<void> => {
  const caller = (key: string) => callerOf(organization, now, `demo-${key}`)
  await run(
    publishPlan(caller("plan"), {
      key: "starter",
      name: "Starter",
      price: Money.Minor.make(0n),
      terms: {
        currency,
        interval: { unit: "month", count: 1 },
        creditInterval: { unit: "month", count: 1 },
        credits: credits("10000"),
        creditValue: Rate.parse("1"),
        rollover: null,
        overage: null,
        unlimited: false,
        trial: null,
        promoAllowance: null,
        seats: 5
      }
    })
  )
  for (const { ref, parent, name, usesParentBalance } of clients) {
    const client = {
      externalId: ref,
      parent,
      name,
      email: null,
      currency: null,
      timeZone: null,
      usesParentBalance,
      overdraftLimit: 0n,
      metadata: {},
      onboarded: false
    }
    await run(createClient(caller(ref), client))
    await run(completeOnboarding(caller(`onboard-${ref}`), { client: `ext:${ref}` }))
  }
  const subscription = { client: "ext:agency", plan: "starter", seats: undefined, trial: undefined }
  await run(createSubscription(caller("subscribe"), subscription))
  const payments = Effect.provide(Payments.layer(secret))
  const sandbox = { gateway: "sandbox", name: "Sandbox", secret: null }
  await run(payments(connectGateway(caller("gateway"), sandbox)))
  const method = { client: "ext:agency", connection: null, reference: "sandbox_succeed", isDefault: true }
  await run(payments(setUpMethod(caller("method"), method)))
  for (const ref of ["bakery", "clinic"]) {
    const grant = {
      client: `ext:${ref}`,
      kind: "extra",
      amount: credits("500"),
      effectiveAt: null,
      expiresAt: null,
      priority: 0,
      unitCost: { amount: Rate.parse("1"), currency },
      source: "demo",
      features: null
    } as const
    await run(grantCredits(caller(`grant-${ref}`), grant))
  }
  for (const { client, limit } of caps) {
    const cap = { client, name: "default", limit, every: "month", scope: "all", enforcement: "hard" } as const
    await run(setCap(caller(`cap-${client}`), { ...cap, thresholds: [50, 80, 100] }))
  }
}
