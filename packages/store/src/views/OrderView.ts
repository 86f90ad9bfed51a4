/** Orders and payments as answers show them, newest first, of the clients within reach. */
import type { CreditPack, Id, Instant, Order as Domain, Payment as Paying } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Clients from "../Clients.ts"
import * as CreditPacks from "../CreditPacks.ts"
import type { Failure } from "../Failure.ts"
import * as Orders from "../Orders.ts"
import * as PaymentReversals from "../PaymentReversals.ts"
import * as Payments from "../Payments.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

export interface Payment extends Payments.Payment {
  readonly reversals: ReadonlyArray<PaymentReversals.Reversal>
}

export interface Order extends Orders.Placed {
  readonly payments: ReadonlyArray<Payments.Payment>
  /** Those that its lines sell, by id. */
  readonly packs: ReadonlyMap<Id.Id, CreditPack.Version>
}

interface Asked extends Page.Asked {
  readonly client?: string | undefined
  readonly from?: Instant.Instant | undefined
  /** Exclusive. */
  readonly to?: Instant.Instant | undefined
}

export interface AskedOrders extends Asked {
  readonly reason?: Domain.Reason | undefined
  readonly status?: Domain.Status | undefined
}

export interface AskedPayments extends Asked {
  readonly order?: Id.Id | undefined
  readonly status?: Paying.Status | undefined
}

export const listOrders = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { reason, status, ...asked }: AskedOrders
): Promise<Result.Result<Page.Page<Order>, Failure>> => {
  const filtered = await filter(db, within, asked, "billing_order")
  if (Result.isFailure(filtered)) return Result.fail(filtered.failure)
  const rows = await db
    .selectFrom("billing_order")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where(filtered.success)
    .$if(reason !== undefined, (query) => query.where("reason", "=", reason ?? "purchase"))
    .$if(status !== undefined, (query) => query.where("status", "=", status ?? "paid"))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(asked.limit + 1)
    .execute()
  const orders = await whole(db, within.organization, await Orders.withLines(db, within.organization, rows))
  return Result.succeed(Page.of(orders, asked.limit, ({ id, createdAt }) => ["createdAt", createdAt, id]))
}

export const getOrder = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id
): Promise<Result.Result<Order, Failure>> => {
  const order = await Orders.byId(db, within.organization, id)
  const client = order === undefined ? undefined : await Clients.find(db, within, order.client)
  if (order === undefined || client === undefined) return Result.fail({ _tag: "NotFound", what: "order", id })
  const [found] = await whole(db, within.organization, [order])
  return found === undefined ? Result.fail({ _tag: "NotFound", what: "order", id }) : Result.succeed(found)
}

export const listPayments = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { order, status, ...asked }: AskedPayments
): Promise<Result.Result<Page.Page<Payment>, Failure>> => {
  const filtered = await filter(db, within, asked, "payment")
  if (Result.isFailure(filtered)) return Result.fail(filtered.failure)
  const rows = await db
    .selectFrom("payment")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where(filtered.success)
    .$if(order !== undefined, (query) => query.where("order_id", "=", order ?? ""))
    .$if(status !== undefined, (query) => query.where("status", "=", status ?? "succeeded"))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(asked.limit + 1)
    .execute()
  const payments = await reversed(db, within.organization, rows.map(Payments.ofRow))
  return Result.succeed(Page.of(payments, asked.limit, ({ id, createdAt }) => ["createdAt", createdAt, id]))
}

export const getPayment = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id
): Promise<Result.Result<Payment, Failure>> => {
  const payment = await Payments.byId(db, within.organization, id)
  const client = payment === undefined ? undefined : await Clients.find(db, within, payment.client)
  if (payment === undefined || client === undefined) return Result.fail({ _tag: "NotFound", what: "payment", id })
  const [found] = await reversed(db, within.organization, [payment])
  return found === undefined ? Result.fail({ _tag: "NotFound", what: "payment", id }) : Result.succeed(found)
}

/** Who it is of, when it was made, and where the page starts. */
const filter = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { client: ref, from, to, cursor }: Asked,
  table: "billing_order" | "payment"
) => {
  const start = Page.start(cursor, "createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const place = start.success
  const client = ref === undefined ? null : await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail<Failure>({ _tag: "NotFound", what: "client", id: ref ?? "" })
  const t = sql.table(table)
  const conditions = [
    ...(client === null ? [] : [sql<boolean>`${t}.client_id = ${client.id}`]),
    ...(client !== null || within.reach === null
      ? []
      : [
          sql<boolean>`exists (select from client c where c.organization_id = ${within.organization}
            and c.id = ${t}.client_id and (c.id = ${within.reach} or c.path @> array[${within.reach}::uuid]))`
        ]),
    ...(from === undefined ? [] : [sql<boolean>`${t}.created_at >= ${new Date(from)}`]),
    ...(to === undefined ? [] : [sql<boolean>`${t}.created_at < ${new Date(to)}`]),
    ...(place === null
      ? []
      : [sql<boolean>`(${t}.created_at, ${t}.id) < (${new Date(Number(place[1]))}::timestamptz, ${place[2]}::uuid)`])
  ]
  return Result.succeed(conditions.reduce((all, one) => sql<boolean>`${all} and ${one}`, sql<boolean>`true`))
}

const whole = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  orders: ReadonlyArray<Orders.Placed>
): Promise<ReadonlyArray<Order>> => {
  const payments = await Payments.ofOrders(
    db,
    organization,
    orders.map(({ id }) => id)
  )
  const named = orders.flatMap(({ lines }) => lines.flatMap(({ pack }) => pack ?? []))
  const packs = await CreditPacks.byIds(db, organization, [...new Set(named)])
  return orders.map((order) => ({
    ...order,
    packs,
    payments: payments.filter((payment) => payment.order === order.id)
  }))
}

const reversed = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payments: ReadonlyArray<Payments.Payment>
): Promise<ReadonlyArray<Payment>> => {
  const reversals = await PaymentReversals.ofPayments(
    db,
    organization,
    payments.map(({ id }) => id)
  )
  return payments.map((payment) => ({
    ...payment,
    reversals: reversals.filter((reversal) => reversal.payment === payment.id)
  }))
}
