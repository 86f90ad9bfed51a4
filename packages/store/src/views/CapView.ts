/** Spending caps as answers show them, with the window that is open now. */
import { type Cost, type Currency, type Id, type Instant, type Money, SpendingCap } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Caps from "../Caps.ts"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

/** A cap where it is one of all that bind a client. */
export interface Standing {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly name: string
  readonly limit: Money.Money
  /** What the fixed charges of a window take of the limit. */
  readonly committed: Cost.Cost
  /** Only what this member spends counts, or what is spent on this meter; null for all. */
  readonly member: string | null
  readonly meter: string | null
  readonly every: SpendingCap.Every
  readonly scope: SpendingCap.Scope
  readonly enforcement: SpendingCap.State["enforcement"]
  readonly thresholds: ReadonlyArray<number>
  readonly window: {
    readonly start: Instant.Instant
    /** Null for a lifetime. */
    readonly resetsAt: Instant.Instant | null
    readonly used: Cost.Cost
    readonly held: Cost.Cost
    readonly headroom: Cost.Cost
  }
}

export interface Cap extends Standing {
  /** The version of the cap's row. */
  readonly etag: string
}

export const present = (counter: SpendingCap.Counter, currency: Currency.Currency): Standing => {
  const { id, client, name, limit, committed, member, meter, every, scope, enforcement, thresholds } = counter.cap
  const { start, end, used, held } = counter.window
  return {
    id,
    client,
    name,
    limit: { amount: (limit / 1_000_000n) as Money.Minor, currency },
    committed,
    member,
    meter,
    every,
    scope,
    enforcement,
    thresholds,
    window: { start, resetsAt: end, used, held, headroom: SpendingCap.headroom(counter) }
  }
}

export const versioned = (counter: SpendingCap.Counter, currency: Currency.Currency, version: bigint): Cap => ({
  ...present(counter, currency),
  etag: `${version}`
})

/** A client's own caps, by name. */
export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  ref: string,
  at: Instant.Instant,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<Cap>, Failure>> => {
  const client = await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "name", "string")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const { organization } = within
  const rows = await db
    .selectFrom("cap")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client.id)
    .where("removed_at", "is", null)
    .$if(start.success !== null, (query) => query.where("name", ">", String(start.success?.[1])))
    .orderBy("name")
    .limit(limit + 1)
    .execute()
  const page = Page.of(rows.map(Caps.ofRow), limit, ({ id, name }) => ["name", name, id])
  const windows = await windowsOf(
    db,
    organization,
    page.items.map(({ id }) => id)
  )
  const turns = await Caps.turns(db, organization, client)
  const items = page.items.map((kept) => {
    const cap = { ...kept, ...turns }
    const window = windows.get(cap.id) ?? SpendingCap.open(cap, at)
    // A tree may be ahead of the clock: what has started stands.
    return versioned(SpendingCap.at({ cap, window }, Math.max(at, window.start)), client.currency, kept.version)
  })
  return Result.succeed({ ...page, items })
}

/** The latest window of each cap; those that have none have counted nothing. */
const windowsOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  caps: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, SpendingCap.Window>> => {
  const { rows } = await sql<Omit<SpendingCap.Window, "cap"> & { readonly cap: Id.Id }>`
    select w.cap_id as cap, w.starts_at as start, w.ends_at as "end", w.used, w.held, w.told, w.forecast
    from unnest(${[...caps]}::uuid[]) as c(id) cross join lateral (
      select * from cap_window w where w.organization_id = ${organization} and w.cap_id = c.id
      order by w.starts_at desc limit 1
    ) w`.execute(db)
  return new Map(rows.map((window) => [window.cap, window]))
}
