/** Auto-recharges as they stand: what `AutoRecharge` decided last, or what the gate has seen since, a crossing. */
import { AutoRecharge, CreditPack, type Currency, type Id, type Instant, type Money } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"
import { lookAgain as look } from "./trees/WaitingRecharges.ts"
import * as Query from "./trees/Query.ts"

export interface Kept {
  readonly client: Id.Id
  /** The version of the credit pack that says what it costs. */
  readonly pack: Id.Id
  readonly state: AutoRecharge.State
  readonly version: bigint
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<Kept | undefined> => {
  const row = await db
    .selectFrom("auto_recharge as a")
    .innerJoin("credit_pack as p", (join) =>
      join.onRef("p.organization_id", "=", "a.organization_id").onRef("p.id", "=", "a.pack_id")
    )
    .selectAll("a")
    .select(["p.price", "p.credits", "p.currency"])
    .select(
      sql<ChargeJson | null>`(
        select json_build_object('crossing', r.crossing, 'credits', r.credits::text, 'amount', r.amount::text,
          'at', extract(epoch from r.at) * 1000)
        from recharge r where r.organization_id = a.organization_id and r.client_id = a.client_id
          and r.status = 'in_flight'
      )`.as("charge")
    )
    .where("a.organization_id", "=", organization)
    .where("a.client_id", "=", client)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

export const save = async (
  trx: Trx,
  organization: Id.Id,
  { client, pack, state, version }: Kept,
  at: Instant.Instant
): Promise<void> => {
  const { config, crossing, dueAt, phase, target } = state
  if (config === null) return
  const { consent } = config
  const stopped = phase._tag === "Stopped" ? phase : null
  const values = {
    enabled: config.enabled,
    threshold: config.threshold,
    amount: config.amount,
    pack_id: pack,
    max_per_day: config.maxPerDay,
    max_per_month: config.maxPerMonth,
    cooldown_ms: BigInt(config.cooldown),
    consented_by: consent?.by ?? null,
    consented_at: dated(consent?.at ?? null),
    phase: phases[phase._tag],
    crossing: BigInt(crossing),
    target,
    waits: phase._tag === "Wanted" ? phase.waits : null,
    cooled_at: dated(phase._tag === "Cooling" ? phase.since : null),
    stopped_reason: stopped?.why ?? null,
    stopped_class: stopped?.class ?? null,
    stopped_code: stopped?.code ?? null,
    stopped_message: stopped?.message ?? null,
    stopped_at: dated(stopped?.at ?? null),
    due_at: dated(dueAt),
    version,
    updated_at: new Date(at)
  }
  await trx
    .insertInto("auto_recharge")
    .values({ organization_id: organization, client_id: client, ...values })
    .onConflict((conflict) => conflict.columns(["organization_id", "client_id"]).doUpdateSet(values))
    .execute()
}

/** What waits of some clients, and of all below them, is looked at again. */
export const lookAgain = (
  trx: Trx,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>,
  at: Instant.Instant
): Promise<void> => look(Query.ofTrx(trx), organization, clients, at)

const phases: { readonly [K in AutoRecharge.Phase["_tag"]]: Tables["auto_recharge"]["phase"] } = {
  Off: "off",
  Armed: "armed",
  Wanted: "wanted",
  InFlight: "in_flight",
  Cooling: "cooling",
  Stopped: "stopped"
}

const dated = (at: Instant.Instant | null): Date | null => (at === null ? null : new Date(at))

type Row = Selectable<Tables["auto_recharge"]> & {
  readonly price: bigint
  readonly credits: bigint
  readonly currency: string
  /** What is in flight. */
  readonly charge: ChargeJson | null
}

interface ChargeJson {
  readonly crossing: number
  readonly credits: string
  readonly amount: string
  readonly at: number
}

const ofRow = (row: Row): Kept => {
  const { consented_at: consentedAt, consented_by: by, credits, price } = row
  return {
    client: row.client_id,
    pack: row.pack_id,
    version: row.version,
    state: {
      config: {
        enabled: row.enabled,
        threshold: row.threshold,
        amount: row.amount,
        maxPerDay: row.max_per_day as Money.Minor | null,
        maxPerMonth: row.max_per_month as Money.Minor | null,
        cooldown: Number(row.cooldown_ms),
        price: CreditPack.unitPrice({ price: price as Money.Minor, credits }),
        currency: row.currency as Currency.Currency,
        consent: by === null || consentedAt === null ? null : { by, at: consentedAt }
      },
      phase: phaseOf(row),
      crossing: Number(row.crossing),
      target: row.target,
      dueAt: row.due_at
    }
  }
}

const phaseOf = (row: Row): AutoRecharge.Phase => {
  switch (row.phase) {
    case "off":
      return { _tag: "Off" }
    case "armed":
      return { _tag: "Armed" }
    case "wanted":
      return { _tag: "Wanted", waits: row.waits as AutoRecharge.Waits | null }
    case "in_flight": {
      const { charge } = row
      if (charge === null) throw new Error(`Nothing is in flight for client ${row.client_id}`)
      const { crossing, at } = charge
      const amount = BigInt(charge.amount) as Money.Minor
      return { _tag: "InFlight", charge: { crossing, credits: BigInt(charge.credits), amount, at } }
    }
    case "cooling":
      return { _tag: "Cooling", since: row.cooled_at ?? 0, until: row.due_at ?? 0 }
    case "stopped":
      return {
        _tag: "Stopped",
        why: (row.stopped_reason ?? "declined") as AutoRecharge.Stopped["why"],
        class: row.stopped_class as AutoRecharge.Stopped["class"],
        code: row.stopped_code,
        message: row.stopped_message,
        at: row.stopped_at ?? 0
      }
  }
}
