/** What tests of orders share: packs for sale, and what the database has of orders, payments and charges. */
import { createCreditPack, purchaseCredits } from "@capstan/billing"
import { type CreditPack, type Currency, Payment } from "@capstan/domain"
import { type Caller, Doctor, Ids, Wallets } from "@capstan/store"
import { assert } from "@effect/vitest"
import { database, pool, run } from "./World.ts"

export const credit = 1_000_000n

export const pack = (caller: Caller, over: Partial<CreditPack.Draft> = {}) =>
  run(
    createCreditPack(
      { ...caller, key: Ids.mint() },
      {
        key: "small",
        name: "A hundred credits",
        price: 1_000n as CreditPack.Draft["price"],
        currency: "USD" as Currency.Currency,
        credits: 100n * credit,
        lasts: null,
        ...over
      }
    )
  )

export const buy = (caller: Caller, client: string, over: Partial<Parameters<typeof purchaseCredits>[1]> = {}) =>
  purchaseCredits(caller, { client, pack: "small", quantity: 1, method: null, ...over })

export const walletOf = async (organization: string, client: string) =>
  Wallets.get((await database()).db, organization, client)

export const left = async (organization: string, client: string): Promise<bigint> =>
  (await walletOf(organization, client)).lots.reduce((sum, lot) => sum + lot.left, 0n) / credit

/** What the provider has charged, as it says itself. */
export const charged = async (organization: string) => {
  const { rows } = await pool.query<{ charges: number; amount: string; back: string }>(
    `select count(*)::int as charges, coalesce(sum(amount), 0)::text as amount,
       coalesce(sum(refunded + charged_back), 0)::text as back
     from sandbox_charge where organization_id = $1 and outcome->>'_tag' = 'Succeeded'`,
    [organization]
  )
  return { charges: rows[0]?.charges ?? 0, amount: BigInt(rows[0]?.amount ?? 0), back: BigInt(rows[0]?.back ?? 0) }
}

export const orders = async (organization: string) => {
  const { rows } = await pool.query<{ reason: string; status: string; total: bigint; payments: ReadonlyArray<string> }>(
    `select o.reason, o.status, o.total, coalesce((
       select array_agg(p.status order by p.created_at, p.id) from payment p
       where p.organization_id = o.organization_id and p.order_id = o.id
     ), '{}') as payments
     from billing_order o where o.organization_id = $1 order by o.created_at, o.id`,
    [organization]
  )
  return rows.map(({ reason, status, total, payments }) => `${reason} ${status} ${total}: ${payments.join(", ")}`)
}

export const events = async (organization: string, kind: string) => {
  const { rows } = await pool.query<{ payload: Readonly<Record<string, unknown>> }>(
    "select payload from event where organization_id = $1 and kind = $2 order by recorded_at, id",
    [organization, kind]
  )
  return rows.map(({ payload }) => payload)
}

/** All that the doctor finds in this organization. */
export const ailments = async (organization: string) => {
  const findings = await Doctor.examine(await database(), () => {}, organization)
  return findings.flatMap(({ name, examples }) => examples.map((example) => ({ name, ...example })))
}

export const isWell = async (organization: string): Promise<void> =>
  assert.deepStrictEqual(await ailments(organization), [])

export const { patience } = Payment
