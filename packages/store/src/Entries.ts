/** The ledger, read. It is written by `Trees` alone. */
import type { Credits, Id, Instant, Wallet } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Tables } from "./Tables.ts"
import { type Entry, entryJson, type EntryJson, toEntry } from "./trees/Entry.ts"

/** Whether the system has posted under this key already. */
export const isPosted = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  namespace: string,
  key: string
): Promise<boolean> => {
  const row = await db
    .selectFrom("entry")
    .select("seq")
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("namespace", "=", namespace)
    .where("key", "=", key)
    .executeTakeFirst()
  return row !== undefined
}

export const find = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payer: Id.Id,
  seq: number
): Promise<Entry | undefined> => {
  const { rows } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from entry e
    where e.organization_id = ${organization} and e.payer_id = ${payer} and e.seq = ${seq}`.execute(db)
  return rows[0] === undefined ? undefined : toEntry(rows[0].entry)
}

/** What was posted under a key of its client. */
export const ofKey = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  namespace: string,
  key: string
): Promise<Entry | undefined> => {
  const { rows } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from entry e
    where e.organization_id = ${organization} and e.client_id = ${client}
      and e.namespace = ${namespace} and e.key = ${key}`.execute(db)
  return rows[0] === undefined ? undefined : toEntry(rows[0].entry)
}

/** Entries in which credits of a lot lapsed; none before the lot ended. */
export const lapses = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payer: Id.Id,
  lot: Id.Id,
  end: Instant.Instant
): Promise<ReadonlyArray<Entry>> => {
  const { rows } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from entry e
    where e.organization_id = ${organization} and e.payer_id = ${payer} and e.at >= ${new Date(end)}
      and e.kind in ('Expired', 'Captured', 'Released') and position(${lot} in e.detail::text) > 0
    order by e.seq`.execute(db)
  return rows.map(({ entry }) => toEntry(entry))
}

/** What came into a wallet: its grants, renewals and reversals, and what was revoked of it, in the order of the ledger. */
export const incoming = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payer: Id.Id
): Promise<ReadonlyArray<Entry>> => {
  const { rows } = await sql<{ entry: EntryJson }>`
    select ${sql.raw(entryJson)} as entry from entry e
    where e.organization_id = ${organization} and e.payer_id = ${payer} and e.kind in ('Granted', 'Renewed', 'Reversed', 'Revoked')
    order by e.seq`.execute(db)
  return rows.map(({ entry }) => toEntry(entry))
}

/** Further back nobody counts while somebody waits. */
const mostCounted = 200_000

/** What a client has used of a wallet since the wallet's credits were last renewed, less what was reversed meanwhile. */
export interface Used {
  /** Null where they never were: then it is all that the client has used. */
  readonly since: Instant.Instant | null
  /** Null where that is more entries than are read at once. */
  readonly amount: Credits.Credits | null
}

export const usedSinceRenewal = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  payer: Id.Id,
  client: Id.Id
): Promise<Used> => {
  const { rows } = await sql<{ since: Instant.Instant | null; entries: bigint; used: bigint }>`
    with renewal as materialized (
      select seq, at from entry
      where organization_id = ${organization} and payer_id = ${payer} and kind = 'Renewed'
        and position(':allowance:' in key) = 0
      order by seq desc limit 1
    )
    select (select at from renewal) as since, count(*) as entries,
      coalesce(sum(case kind when 'Reversed' then -amount else amount end)
        filter (where client_id = ${client} and kind in ('Debited', 'Captured', 'Reversed')), 0)::bigint as used
    from (
      select client_id, kind, amount from entry
      where organization_id = ${organization} and payer_id = ${payer}
        and seq > coalesce((select seq from renewal), 0)
      order by seq limit ${mostCounted + 1}
    ) e`.execute(db)
  const { since = null, entries = 0n, used = 0n } = rows[0] ?? {}
  return { since, amount: entries > mostCounted ? null : used > 0n ? used : 0n }
}

/** Names of the kinds of entries. */
export type Kind = Wallet.Event["_tag"]
