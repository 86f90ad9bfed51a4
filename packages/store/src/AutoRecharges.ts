/**
 * Auto-recharges and what they have bought. A row is what `AutoRecharge` decided last, or what the gate has seen since: a
 * crossing. At most one attempt of a wallet is in flight, and one of each crossing, by unique indices.
 */
import {
  AutoRecharge,
  CreditPack,
  type Currency,
  type Decline,
  type Id,
  type Instant,
  type Money
} from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import * as Clients from "./Clients.ts"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import { lookAgain as look } from "./trees/WaitingRecharges.ts"
import * as Query from "./trees/Query.ts"
import * as Page from "./views/Page.ts"

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

/** What is begun: its crossing bought nothing before. */
export interface Attempt {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly order: Id.Id
  readonly charge: AutoRecharge.Charge
  readonly status: Tables["recharge"]["status"]
  readonly failure: { readonly class: string; readonly code: string; readonly message: string } | null
  readonly settledAt: Instant.Instant | null
}

/** With what is to be known to check it later: the ceilings that hold, and whose days and months they are of. */
export const begin = async (
  trx: Trx,
  organization: Id.Id,
  { id, client, order, charge }: Pick<Attempt, "charge" | "client" | "id" | "order">,
  { maxPerDay, maxPerMonth }: Pick<AutoRecharge.Config, "maxPerDay" | "maxPerMonth">,
  zone: string
): Promise<void> => {
  await trx
    .insertInto("recharge")
    .values({
      organization_id: organization,
      id,
      client_id: client,
      crossing: BigInt(charge.crossing),
      order_id: order,
      credits: charge.credits,
      amount: charge.amount,
      status: "in_flight",
      max_per_day: maxPerDay,
      max_per_month: maxPerMonth,
      time_zone: zone,
      at: new Date(charge.at)
    })
    .execute()
}

export const settle = async (
  trx: Trx,
  organization: Id.Id,
  order: Id.Id,
  failure: { readonly class: Decline.Class; readonly code: string; readonly message: string } | null,
  at: Instant.Instant
): Promise<void> => {
  await trx
    .updateTable("recharge")
    .set({
      status: failure === null ? "succeeded" : "failed",
      failure: failure?.class ?? null,
      failure_code: failure?.code ?? null,
      failure_message: failure?.message ?? null,
      settled_at: new Date(at)
    })
    .where("organization_id", "=", organization)
    .where("order_id", "=", order)
    .where("status", "=", "in_flight")
    .execute()
}

/** What was begun from an instant on, and has not failed. */
export const boughtSince = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  since: Instant.Instant
): Promise<Money.Minor> => {
  const { bought } = await db
    .selectFrom("recharge")
    .select(sql<bigint>`coalesce(sum(amount), 0)::bigint`.as("bought"))
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "<>", "failed")
    .where(sql<boolean>`at >= ${new Date(since)}`)
    .executeTakeFirstOrThrow()
  return bought as Money.Minor
}

/** There is at most one. */
export const inFlight = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id
): Promise<Attempt | undefined> => {
  const row = await db
    .selectFrom("recharge")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", "in_flight")
    .executeTakeFirst()
  return row === undefined ? undefined : toAttempt(row)
}

/** Newest first. */
export const attempts = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  ref: string,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<Attempt & { readonly currency: Currency.Currency }>, Failure>> => {
  const client = await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "at", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const place = start.success
  const rows = await db
    .selectFrom("recharge")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where("client_id", "=", client.id)
    .$if(place !== null, (query) =>
      query.where(sql<boolean>`(at, id) < (${new Date(Number(place?.[1]))}::timestamptz, ${place?.[2]}::uuid)`)
    )
    .orderBy("at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  const { items, nextCursor } = Page.of(rows.map(toAttempt), limit, ({ id, charge }) => ["at", charge.at, id])
  return Result.succeed({ nextCursor, items: items.map((attempt) => ({ ...attempt, currency: client.currency })) })
}

/** Below which balance the client is told of it; null for never. */
export const lowOf = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<bigint | null> => {
  const row = await db
    .selectFrom("balance_watch")
    .select("low")
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .executeTakeFirst()
  return row?.low ?? null
}

/** Whether the client is told of a balance below something; made where it is not there. */
export const watch = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  low: bigint | null,
  /** Leaves what is there as it is. */
  { ifNone = false }: { readonly ifNone?: boolean } = {}
): Promise<void> => {
  await trx
    .insertInto("balance_watch")
    .values({ organization_id: organization, client_id: client, low })
    .onConflict((conflict) => {
      const there = conflict.columns(["organization_id", "client_id"])
      return ifNone ? there.doNothing() : there.doUpdateSet({ low })
    })
    .execute()
}

/** That a client was told that its balance is low, or that nothing is left. */
export const notified = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  notice: "low" | "out",
  at: Instant.Instant
): Promise<void> => {
  const when = new Date(at)
  await trx
    .updateTable("client")
    .set(notice === "low" ? { low_balance_notified_at: when } : { out_of_balance_notified_at: when })
    .where("organization_id", "=", organization)
    .where("id", "=", client)
    .execute()
}

/** What waits of some clients, and of all below them, is looked at again. */
export const lookAgain = (
  trx: Trx,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>,
  at: Instant.Instant
): Promise<void> => look(Query.ofTrx(trx), organization, clients, at)

const toAttempt = (row: Selectable<Tables["recharge"]>): Attempt => ({
  id: row.id,
  client: row.client_id,
  order: row.order_id,
  charge: { crossing: Number(row.crossing), credits: row.credits, amount: row.amount as Money.Minor, at: row.at },
  status: row.status,
  failure:
    row.failure === null
      ? null
      : { class: row.failure, code: row.failure_code ?? "", message: row.failure_message ?? "" },
  settledAt: row.settled_at
})

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
