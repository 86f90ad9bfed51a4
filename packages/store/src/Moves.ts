/**
 * Clients that move to another place, with all below them: the rows that say where they are, and the holds that have to
 * follow. Under the lock of both trees, with nothing staged.
 *
 * Wallets, lots, entries and windows belong to clients and caps, and so go with them as they stand. A hold has rows of
 * several clients, and may have to be cut.
 */
import { type Id, type Instant, Tree } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import type { Client } from "./Clients.ts"
import type { Trx } from "./Database.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"
import * as Rows from "./trees/Rows.ts"

/** What is below a client. */
export interface Subtree {
  readonly ids: ReadonlySet<Id.Id>
  /** How many levels it has, itself included. */
  readonly levels: number
}

export const subtree = async (db: Kysely<Tables>, organization: Id.Id, client: Client): Promise<Subtree> => {
  const { rows } = await sql<{ id: string; depth: number }>`
    select id, cardinality(path) as depth from client
    where organization_id = ${organization} and (id = ${client.id} or path @> array[${client.id}::uuid])`.execute(db)
  const deepest = rows.reduce((most, { depth }) => Math.max(most, depth), 0)
  return { ids: new Set(rows.map(({ id }) => id)), levels: deepest - client.path.length + 1 }
}

/** The latest instant that any of these trees was decided at: what moves between them must not go back in time. */
export const latest = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  roots: ReadonlyArray<Id.Id>,
  now: Instant.Instant
): Promise<Instant.Instant> => {
  const rows = await db
    .selectFrom("tree")
    .select("at")
    .where("organization_id", "=", organization)
    .where((eb) => eb("root_id", "=", eb.fn.any(eb.val([...roots]))))
    .execute()
  return rows.reduce((latest, { at }) => Math.max(latest, at), now)
}

interface To {
  /** Null where it becomes a root. */
  readonly parent: Client | null
  readonly usesParentBalance: boolean
  readonly actor: string
  readonly at: Instant.Instant
}

/** Where the client is now; or a hold that would have to be cut a second time. */
export const move = async (
  trx: Trx,
  organization: Id.Id,
  client: Client,
  subtree: Subtree,
  to: To
): Promise<Result.Result<Client, Id.Id>> => {
  const { actor, at, parent, usesParentBalance } = to
  const root = parent?.root ?? client.id
  const path = parent === null ? [] : [...parent.path, parent.id]
  const id = Ids.mint()
  await place(trx, organization, root, at)
  await sql`
    update client set root_id = ${root}, path = ${path}::uuid[] || path[${client.path.length + 1}:],
      parent_id = case when id = ${client.id} then ${parent?.id ?? null}::uuid else parent_id end,
      uses_parent_balance = case when id = ${client.id} then ${usesParentBalance} else uses_parent_balance end,
      version = version + 1, updated_at = ${new Date(at)}
    where organization_id = ${organization} and id = any(${[...subtree.ids]}::uuid[])`.execute(trx)
  await trx
    .insertInto("client_move")
    .values({
      organization_id: organization,
      id,
      client_id: client.id,
      from_root: client.root,
      to_root: root,
      from_parent: client.parent,
      to_parent: parent?.id ?? null,
      actor,
      at: new Date(at)
    })
    .execute()
  if (root !== client.root) {
    const parted = await partHolds(trx, organization, { id, from: client.root, to: root, moving: subtree.ids, at })
    if (Result.isFailure(parted)) return Result.fail(parted.failure)
  }
  const version = client.version + 1n
  return Result.succeed({
    ...client,
    root,
    path,
    parent: parent?.id ?? null,
    usesParentBalance,
    version,
    updatedAt: at
  })
}

/** A tree is there for good once it has been there; it comes to the instant of what moves into it. */
const place = async (trx: Trx, organization: Id.Id, root: Id.Id, at: Instant.Instant): Promise<void> => {
  await sql`
    insert into tree as t (organization_id, root_id, stamp, at)
    values (${organization}, ${root}, ${Ids.mint()}, ${new Date(at)})
    on conflict (organization_id, root_id) do update set at = greatest(t.at, excluded.at)`.execute(trx)
}

interface Parting {
  /** Of the move. */
  readonly id: Id.Id
  readonly from: Id.Id
  readonly to: Id.Id
  readonly moving: ReadonlySet<Id.Id>
  readonly at: Instant.Instant
}

const partHolds = async (
  trx: Trx,
  organization: Id.Id,
  { id: by, from, to, moving, at }: Parting
): Promise<Result.Result<void, Id.Id>> => {
  const rows = await trx
    .selectFrom("hold")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("root_id", "=", from)
    .where("outcome", "is", null)
    .execute()
  if (rows.length === 0) return Result.succeed(undefined)
  const holds = rows.map((row) => ({ row, hold: Rows.toHold(row) }))
  const owners = await ownersOf(trx, organization, [
    ...new Set(holds.flatMap(({ hold }) => hold.places.map(({ cap }) => cap)))
  ])
  const moves = (client: Id.Id): boolean => moving.has(client)
  const ownerOf = (cap: Id.Id): Id.Id => owners.get(cap) ?? ""
  for (const { row, hold } of holds) {
    const parted = Tree.part(hold, { moves, ownerOf }, { half: row.cut_by !== null, id: Ids.mint() })
    if (Result.isFailure(parted)) return Result.fail(parted.failure)
    const found = parted.success
    if (found._tag === "Cut") {
      const { main, mainMoves, other } = found
      await keep(trx, organization, main, mainMoves ? to : from)
      await trx
        .insertInto("hold")
        .values({
          ...row,
          id: other.id,
          root_id: mainMoves ? from : to,
          payer_id: other.payer,
          portions: Rows.portionsText(other.portions),
          places: Rows.placesText(other.places),
          twin_id: main.id,
          cut_by: by,
          expires_at: new Date(row.expires_at),
          settled_at: null,
          created_at: new Date(at)
        })
        .execute()
    } else if (found._tag === "Moves" || found.hold.payer !== hold.payer)
      await keep(trx, organization, found.hold, found._tag === "Moves" ? to : from)
  }
  return Result.succeed(undefined)
}

const keep = async (trx: Trx, organization: Id.Id, hold: Tree.Hold, root: Id.Id): Promise<void> => {
  await trx
    .updateTable("hold")
    .set({ root_id: root, payer_id: hold.payer, places: Rows.placesText(hold.places), twin_id: hold.twin })
    .where("organization_id", "=", organization)
    .where("id", "=", hold.id)
    .execute()
}

/** Whose caps they are. */
export const ownersOf = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  caps: ReadonlyArray<Id.Id>
): Promise<ReadonlyMap<Id.Id, Id.Id>> => {
  if (caps.length === 0) return new Map()
  const rows = await db
    .selectFrom("cap")
    .select(["id", "client_id"])
    .where("organization_id", "=", organization)
    .where((eb) => eb("id", "=", eb.fn.any(eb.val([...caps]))))
    .execute()
  return new Map(rows.map((row) => [row.id, row.client_id]))
}
