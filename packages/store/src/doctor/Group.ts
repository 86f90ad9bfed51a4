/**
 * Some trees as they stood at one moment: their clients, wallets, caps, windows, holds and what the event log says of
 * them, read in one short transaction. Entries up to a wallet's `seq` never change, so they can be read afterwards, page
 * by page, while the trees are written on.
 */
import type { Id, Instant, Raise, SpendingCap, Tree, Wallet } from "@capstan/domain"
import { type Selectable, sql } from "kysely"
import type { Connection, Trx } from "../Database.ts"
import type { Tables } from "../Tables.ts"
import * as Raises from "../Raises.ts"
import * as Rows from "../trees/Rows.ts"

export interface Client {
  readonly id: Id.Id
  readonly root: Id.Id
  readonly parent: Id.Id | null
  readonly usesParentBalance: boolean
  /** Who pays for it, of record. */
  readonly recorded: Id.Id | undefined
  /** Itself and its ancestors. */
  readonly line: ReadonlyArray<Id.Id>
  /** The causes of its open suspensions, in order. */
  readonly causes: ReadonlyArray<string>
}

export interface Purse {
  readonly client: Id.Id
  readonly state: Wallet.State
  readonly nextExpiry: Instant.Instant | null
}

export interface Cap {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly limit: bigint
  readonly committed: bigint
  readonly member: string | null
  readonly meter: string | null
  readonly enforcement: SpendingCap.State["enforcement"]
  readonly scope: SpendingCap.Scope
  readonly createdAt: Instant.Instant
  readonly removedAt: Instant.Instant | null
}

export interface Window {
  readonly cap: Id.Id
  readonly start: Instant.Instant
  readonly used: bigint
  readonly held: bigint
}

export interface Hold extends Tree.Hold {
  readonly root: Id.Id
  /** The move that it comes from, where that has cut it off another. */
  readonly cutBy: Id.Id | null
}

/** How both halves of a hold that a move has cut stand. */
export interface Halves {
  readonly id: Id.Id
  readonly half: Hold & Settled
  readonly main: (Hold & Settled) | undefined
}

interface Settled {
  readonly captured: bigint | null
  readonly settledAt: Instant.Instant | null
}

/** Of a client from one place to another. */
export interface Move {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly from: Id.Id
  readonly to: Id.Id
  readonly fromParent: Id.Id | null
  readonly at: Instant.Instant
}

/** A line of the event log that bears on what may be spent. */
export interface Change {
  readonly client: Id.Id
  readonly kind: string
  readonly at: Instant.Instant
  readonly payload: unknown
}

export interface Group {
  /** Those that were asked for, and those that moves connect with them. */
  readonly roots: ReadonlyArray<Id.Id>
  /** In the order of time. */
  readonly moves: ReadonlyArray<Move>
  readonly halves: ReadonlyArray<Halves>
  readonly clients: ReadonlyArray<Client>
  readonly purses: ReadonlyArray<Purse>
  readonly caps: ReadonlyArray<Cap>
  readonly windows: ReadonlyArray<Window>
  readonly openHolds: ReadonlyArray<Hold>
  /** How many holds of a payer were settled with an outcome, by `settledName`. */
  readonly settled: ReadonlyMap<string, number>
  readonly changes: ReadonlyArray<Change>
  readonly raises: ReadonlyArray<Raise.Raise>
}

export const settledName = (payer: Id.Id, outcome: string): string => `${payer} ${outcome}`

export const kinds = {
  cap: "cap.set",
  reset: "cap.window_reset",
  suspended: "client.suspended",
  lifted: "client.reactivated"
}

export const read = (
  { db }: Pick<Connection, "db">,
  organization: Id.Id,
  asked: ReadonlyArray<Id.Id>
): Promise<Group> =>
  db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (trx) => {
      const roots = await connectedWith(trx, organization, asked)
      const moves = await movesOf(trx, organization, roots)
      const clients = await clientsOf(trx, organization, roots)
      const ids = clients.map(({ id }) => id)
      const caps = await capsOf(trx, organization, ids)
      return {
        roots,
        moves,
        halves: await halvesOf(trx, organization, moves),
        clients,
        caps,
        purses: await pursesOf(trx, organization, ids),
        windows: await windowsOf(trx, organization, caps),
        openHolds: await openHoldsOf(trx, organization, roots),
        settled: await settledOf(trx, organization, ids),
        changes: await changesOf(trx, organization, ids),
        raises: await raisesOf(trx, organization, ids)
      }
    })

/** Holds and windows of trees between which clients have moved explain one another. */
const connectedWith = async (
  trx: Trx,
  organization: Id.Id,
  asked: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Id.Id>> => {
  const { rows } = await sql<{ root: Id.Id }>`
    with recursive connected as (
      select unnest(${asked}::uuid[]) as root
      union
      select o.root from connected c cross join lateral (
        select to_root as root from client_move where organization_id = ${organization} and from_root = c.root
        union all
        select from_root from client_move where organization_id = ${organization} and to_root = c.root
      ) o
    ) select root from connected order by root`.execute(trx)
  return rows.map(({ root }) => root)
}

const movesOf = async (trx: Trx, organization: Id.Id, roots: ReadonlyArray<Id.Id>): Promise<ReadonlyArray<Move>> => {
  const rows = await trx
    .selectFrom("client_move")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("from_root", "=", eb.fn.any(eb.val([...roots]))))
    .orderBy("at")
    .orderBy("id")
    .execute()
  return rows.map(({ id, client_id, from_root, to_root, from_parent, at }) => ({
    id,
    client: client_id,
    from: from_root,
    to: to_root,
    fromParent: from_parent,
    at
  }))
}

const halvesOf = async (trx: Trx, organization: Id.Id, moves: ReadonlyArray<Move>): Promise<ReadonlyArray<Halves>> => {
  if (moves.length === 0) return []
  const rows = await trx
    .selectFrom("hold")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("cut_by", "=", eb.fn.any(eb.val(moves.map(({ id }) => id)))))
    .execute()
  const mains = await trx
    .selectFrom("hold")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val(rows.flatMap(({ twin_id }) => twin_id ?? [])))))
    .execute()
  const settled = (row: Selectable<Tables["hold"]>) => ({
    ...holdOf(row),
    captured: row.captured,
    settledAt: row.settled_at
  })
  const mainById = new Map(mains.map((row) => [row.id, settled(row)]))
  return rows.map((row) => ({ id: row.id, half: settled(row), main: mainById.get(row.twin_id ?? "") }))
}

const holdOf = (row: Selectable<Tables["hold"]>): Hold => ({
  ...Rows.toHold(row),
  root: row.root_id,
  cutBy: row.cut_by
})

const clientsOf = async (
  trx: Trx,
  organization: Id.Id,
  roots: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Client>> => {
  const { rows } = await sql<{
    id: string
    root_id: string
    parent_id: string | null
    path: ReadonlyArray<string>
    uses_parent_balance: boolean
    recorded: string | null
    suspensions: ReadonlyArray<{ readonly cause: string }>
  }>`select id, root_id, parent_id, path, uses_parent_balance, suspensions, (
       select payer_id from payer_of_record r where r.organization_id = ${organization} and r.client_id = client.id
       order by r.number desc limit 1
     ) as recorded from client
     where organization_id = ${organization} and root_id = any(${roots}::uuid[])`.execute(trx)
  return rows.map(({ id, root_id, parent_id, path, uses_parent_balance, recorded, suspensions }) => ({
    id,
    root: root_id,
    parent: parent_id,
    usesParentBalance: uses_parent_balance,
    recorded: recorded ?? undefined,
    line: [...path, id],
    causes: suspensions.map(({ cause }) => cause).sort()
  }))
}

const pursesOf = async (trx: Trx, organization: Id.Id, ids: ReadonlyArray<Id.Id>): Promise<ReadonlyArray<Purse>> => {
  const { rows } = await sql<{
    client_id: string
    seq: bigint
    lots: ReadonlyArray<Rows.LotJson>
    remainders: Rows.WalletJson["remainders"]
    beyond: Rows.BeyondJson | null
    next_expiry: number | null
  }>`select client_id, seq, lots, remainders, beyond, next_expiry from wallet
     where organization_id = ${organization} and client_id = any(${ids}::uuid[])`.execute(trx)
  return rows.map(({ client_id, seq, lots, remainders, beyond, next_expiry }) => ({
    client: client_id,
    state: Rows.toWallet({ seq: `${seq}`, lots, remainders, beyond }),
    nextExpiry: next_expiry
  }))
}

const capsOf = async (trx: Trx, organization: Id.Id, ids: ReadonlyArray<Id.Id>): Promise<ReadonlyArray<Cap>> => {
  const rows = await trx
    .selectFrom("cap")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  return rows.map((row) => ({
    id: row.id,
    client: row.client_id,
    limit: row.limit_cost,
    committed: row.committed_cost,
    member: row.member,
    meter: row.meter,
    enforcement: row.enforcement as Cap["enforcement"],
    scope: row.scope as Cap["scope"],
    createdAt: row.created_at,
    removedAt: row.removed_at
  }))
}

const windowsOf = async (trx: Trx, organization: Id.Id, caps: ReadonlyArray<Cap>): Promise<ReadonlyArray<Window>> => {
  const rows = await trx
    .selectFrom("cap_window")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("cap_id", "=", eb.fn.any(eb.val(caps.map(({ id }) => id)))))
    .execute()
  return rows.map(({ cap_id, starts_at, used, held }) => ({ cap: cap_id, start: starts_at, used, held }))
}

const openHoldsOf = async (
  trx: Trx,
  organization: Id.Id,
  roots: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Hold>> => {
  const rows = await trx
    .selectFrom("hold")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("root_id", "=", eb.fn.any(eb.val([...roots]))))
    .where("outcome", "is", null)
    .execute()
  return rows.map(holdOf)
}

const settledOf = async (
  trx: Trx,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ payer_id: string; outcome: string; holds: bigint }>`
    select payer_id, outcome, count(*) as holds from hold
    where organization_id = ${organization} and payer_id = any(${ids}::uuid[]) and outcome is not null
    group by payer_id, outcome`.execute(trx)
  return new Map(rows.map(({ payer_id, outcome, holds }) => [settledName(payer_id, outcome), Number(holds)]))
}

const raisesOf = async (
  trx: Trx,
  organization: Id.Id,
  ids: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Raise.Raise>> => {
  const rows = await trx
    .selectFrom("cap_raise")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...ids]))))
    .execute()
  return rows.map(Raises.ofRow)
}

const changesOf = async (trx: Trx, organization: Id.Id, ids: ReadonlyArray<Id.Id>): Promise<ReadonlyArray<Change>> => {
  const { rows } = await sql<{ client_id: string; kind: string; at: number; payload: unknown }>`
    select client_id, kind, at, payload from event
    where organization_id = ${organization} and client_id = any(${ids}::uuid[]) and kind = any(${Object.values(kinds)})
    order by client_id, number`.execute(trx)
  return rows.map(({ client_id, kind, at, payload }) => ({ client: client_id, kind, at, payload }))
}
