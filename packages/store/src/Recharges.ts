/** What auto-recharges have bought, or tried to. At most one attempt of a wallet is in flight, and one of each crossing. */
import type { AutoRecharge, Currency, Decline, Id, Instant, Money } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import * as Clients from "./Clients.ts"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

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
export const list = async (
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
    .where(Page.older(place, "at"))
    .orderBy("at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  const { items, nextCursor } = Page.of(rows.map(toAttempt), limit, ({ id, charge }) => ["at", charge.at, id])
  return Result.succeed({ nextCursor, items: items.map((attempt) => ({ ...attempt, currency: client.currency })) })
}

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
