/**
 * The ledger of a wallet, newest first.
 *
 * A wallet's entries are numbered without gaps, and time never goes back in it: an instant is found among them in a few
 * looks, and a page is read by the primary key.
 */
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Kind } from "../Entries.ts"
import type { Failure } from "../Failure.ts"
import type { Tables } from "../Tables.ts"
import { type Entry, entryJson, type EntryJson, toEntry } from "../trees/Entry.ts"
import * as Page from "./Page.ts"

export interface Asked extends Page.Asked {
  /** What the client spent and received, or all of its own wallet, whoever spent from it. */
  readonly of: "client" | "wallet"
  readonly kind?: Kind | undefined
  readonly from?: Instant.Instant | undefined
  /** Exclusive. */
  readonly to?: Instant.Instant | undefined
  readonly hold?: Id.Id | undefined
  /** The ledger as it was then. */
  readonly asOf?: Instant.Instant | undefined
}

export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  ref: string,
  { of, kind, from, to, hold, asOf, limit, cursor }: Asked
): Promise<Result.Result<Page.Page<Entry>, Failure>> => {
  const client = await Clients.find(db, within, ref)
  if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "seq", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const { organization } = within
  const payer = of === "wallet" ? client.id : await payerOf(db, organization, client)
  const before = async (at: Instant.Instant): Promise<number> => seqBefore(db, organization, payer, at)
  const least = from === undefined ? 0 : await before(from)
  const ends = [
    ...(to === undefined ? [] : [await before(to)]),
    ...(asOf === undefined ? [] : [await before(asOf + 1)]),
    ...(start.success === null ? [] : [Number(start.success[1]) - 1])
  ]
  const most = Math.min(Number.MAX_SAFE_INTEGER, ...ends)
  const { rows } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from entry e
    where e.organization_id = ${organization} and e.payer_id = ${payer} and e.seq > ${least} and e.seq <= ${most}
      ${of === "client" ? sql`and e.client_id = ${client.id}` : sql``}
      ${kind === undefined ? sql`` : sql`and e.kind = ${kind}`}
      ${hold === undefined ? sql`` : sql`and e.hold_id = ${hold}`}
    order by e.seq desc limit ${limit + 1}`.execute(db)
  const entries = rows.map(({ entry }) => toEntry(entry))
  return Result.succeed(Page.of(entries, limit, ({ seq }) => ["seq", seq, payer]))
}

const payerOf = async (db: Kysely<Tables>, organization: Id.Id, client: Clients.Client): Promise<Id.Id> => {
  if (!client.usesParentBalance) return client.id
  const ancestorById = await Clients.byIds(db, organization, client.path)
  const ancestors = client.path.toReversed()
  return ancestors.find((id) => ancestorById.get(id)?.usesParentBalance === false) ?? ancestors.at(-1) ?? client.id
}

/** The number of the last entry before an instant; 0 where there is none. */
const seqBefore = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payer: Id.Id,
  at: Instant.Instant
): Promise<number> => {
  const wallet = await db
    .selectFrom("wallet")
    .select("seq")
    .where("organization_id", "=", organization)
    .where("client_id", "=", payer)
    .executeTakeFirst()
  let [low, high] = [0, Number(wallet?.seq ?? 0n)]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const entry = await db
      .selectFrom("entry")
      .select("at")
      .where("organization_id", "=", organization)
      .where("payer_id", "=", payer)
      .where("seq", "=", BigInt(middle))
      .executeTakeFirst()
    if (entry !== undefined && entry.at < at) low = middle
    else high = middle - 1
  }
  return low
}
