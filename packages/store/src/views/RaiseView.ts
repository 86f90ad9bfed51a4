/** Raises as answers show them: one whose time is over is expired, whether anybody has told it yet or not. */
import { Cost, type Currency, type Id, type Instant, type Money, Raise } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Raises from "../Raises.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

export interface View extends Omit<Raise.Raise, "before" | "limit"> {
  /** The name of the cap. */
  readonly name: string
  readonly limit: Money.Money
  /** The limit when it was asked for. */
  readonly before: Money.Money
  /** The client and its ancestors, the nearest first, and who of them pays: they decide on who may consent. */
  readonly line: ReadonlyArray<Id.Id>
  readonly payer: Id.Id
}

export const present = (
  raise: Raise.Raise,
  name: string,
  currency: Currency.Currency,
  line: ReadonlyArray<Id.Id>,
  payer: Id.Id,
  at: Instant.Instant
): View => {
  const money = (cost: Cost.Cost): Money.Money => ({ amount: (cost / 1_000_000n) as Money.Minor, currency })
  const { limit, before } = raise
  const status = Raise.statusAt(raise, at)
  return { ...raise, status, name, limit: money(limit), before: money(before), line, payer }
}

export interface Asked extends Page.Asked {
  readonly client?: string | undefined
  readonly status?: Raise.Status | undefined
}

export const get = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id,
  at: Instant.Instant
): Promise<Result.Result<View, Failure>> => {
  const raise = await Raises.find(db, within.organization, id)
  const client = raise === undefined ? undefined : await Clients.find(db, within, raise.client)
  if (raise === undefined || client === undefined) return Result.fail({ _tag: "NotFound", what: "raise", id })
  const [view] = await viewsOf(db, within.organization, [raise], at)
  return view === undefined ? Result.fail({ _tag: "NotFound", what: "raise", id }) : Result.succeed(view)
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { client: ref, status, limit, cursor }: Asked,
  at: Instant.Instant
): Promise<Result.Result<Page.Page<View>, Failure>> => {
  const client = ref === undefined ? undefined : await Clients.find(db, within, ref)
  if (ref !== undefined && client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "-requestedAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const { organization } = within
  const rows = await db
    .selectFrom("cap_raise")
    .selectAll("cap_raise")
    .innerJoin("client", (join) =>
      join
        .onRef("client.organization_id", "=", "cap_raise.organization_id")
        .onRef("client.id", "=", "cap_raise.client_id")
    )
    .where("cap_raise.organization_id", "=", organization)
    .where((eb) => Clients.isWithin(within)(eb as never))
    .$if(client !== undefined, (query) => query.where("cap_raise.client_id", "=", client?.id ?? ""))
    .$if(status !== undefined, (query) => query.where(hasStatus(status ?? "pending", at)))
    .$if(start.success !== null, (query) => query.where(isBeyond(start.success)))
    .orderBy("requested_at", "desc")
    .orderBy("cap_raise.id", "desc")
    .limit(limit + 1)
    .execute()
  const page = Page.of(rows.map(Raises.ofRow), limit, ({ id, requestedAt }) => ["-requestedAt", requestedAt, id])
  return Result.succeed({ ...page, items: await viewsOf(db, organization, page.items, at) })
}

/** `Raise.statusAt`, said in SQL. */
const hasStatus = (status: Raise.Status, at: Instant.Instant) => {
  const isOver = sql<boolean>`cap_raise.expires_at <= ${new Date(at)}`
  switch (status) {
    case "pending":
      return sql<boolean>`cap_raise.status = 'pending' and not ${isOver}`
    case "expired":
      return sql<boolean>`(cap_raise.status = 'expired' or cap_raise.status = 'pending' and ${isOver})`
    case "approved":
    case "declined":
      return sql<boolean>`cap_raise.status = ${status}`
  }
}

const isBeyond = (place: Page.Place | null) => {
  const [, value = 0, id = ""] = place ?? []
  return sql<boolean>`(cap_raise.requested_at, cap_raise.id) < (${new Date(Number(value))}::timestamptz, ${id}::uuid)`
}

const viewsOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  raises: ReadonlyArray<Raise.Raise>,
  at: Instant.Instant
): Promise<ReadonlyArray<View>> => {
  if (raises.length === 0) return []
  const clients = await Clients.byIds(db, organization, [...new Set(raises.map(({ client }) => client))])
  const ancestors = await Clients.byIds(db, organization, [
    ...new Set([...clients.values()].flatMap(({ path }) => path))
  ])
  const caps = await db
    .selectFrom("cap")
    .select(["id", "name"])
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val(raises.map(({ cap }) => cap)))))
    .execute()
  const nameByCap = new Map(caps.map(({ id, name }) => [id, name]))
  return raises.flatMap((raise) => {
    const client = clients.get(raise.client)
    if (client === undefined) return []
    const line = [client, ...client.path.toReversed().flatMap((id) => ancestors.get(id) ?? [])]
    const payer = line.find(({ usesParentBalance }) => !usesParentBalance) ?? line.at(-1) ?? client
    const ids = line.map(({ id }) => id)
    return [present(raise, nameByCap.get(raise.cap) ?? "", client.currency, ids, payer.id, at)]
  })
}
