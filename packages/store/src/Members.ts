/** People in clients. Who has been removed is nowhere, except in the record. */
import type { Id, Instant, Role } from "@capstan/domain"
import type { Kysely, Selectable } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export interface Member {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
  readonly externalId: string | null
  readonly onboardedAt: Instant.Instant | null
  readonly lastSeenAt: Instant.Instant | null
  readonly version: bigint
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

export const insert = async (trx: Trx, organization: Id.Id, member: Member): Promise<void> => {
  await trx
    .insertInto("member")
    .values({
      organization_id: organization,
      id: member.id,
      client_id: member.client,
      created_at: new Date(member.createdAt),
      last_seen_at: member.lastSeenAt === null ? null : new Date(member.lastSeenAt),
      ...columns(member)
    })
    .execute()
}

/** Writes it as it is now, a version on; when it was last seen is not written so. */
export const update = async (trx: Trx, organization: Id.Id, member: Member): Promise<void> => {
  await trx
    .updateTable("member")
    .set(columns(member))
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", member.id)
    .execute()
}

export const remove = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("member")
    .set({ removed_at: new Date(at), updated_at: new Date(at) })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Member | undefined> => {
  const row = await present(db, organization).where("id", "=", id).executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Also where it has been removed: for a retry of what removed it. */
export const findEver = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Member | undefined> => {
  const row = await db
    .selectFrom("member")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

export const findByExternalId = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  externalId: string
): Promise<Member | undefined> => {
  const row = await present(db, organization)
    .where("client_id", "=", client)
    .where("external_id", "=", externalId)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** All of these clients, the oldest of each first. */
export const ofClients = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Member>> => {
  if (clients.length === 0) return []
  const rows = await present(db, organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...clients]))))
    .orderBy("client_id")
    .orderBy("created_at")
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

/** All of a client. How many. */
export const removeOf = async (trx: Trx, organization: Id.Id, client: Id.Id, at: Instant.Instant): Promise<number> => {
  const { numUpdatedRows } = await trx
    .updateTable("member")
    .set({ removed_at: new Date(at), updated_at: new Date(at) })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("removed_at", "is", null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

const present = (db: Kysely<Tables>, organization: Id.Id) =>
  db.selectFrom("member").selectAll().where("organization_id", "=", organization).where("removed_at", "is", null)

const columns = ({ email, name, role, externalId, onboardedAt, updatedAt }: Member) => ({
  email,
  name,
  role,
  external_id: externalId,
  onboarded_at: onboardedAt === null ? null : new Date(onboardedAt),
  updated_at: new Date(updatedAt)
})

export const ofRow = (row: Selectable<Tables["member"]>): Member => ({
  id: row.id,
  client: row.client_id,
  email: row.email,
  name: row.name,
  role: row.role,
  externalId: row.external_id,
  onboardedAt: row.onboarded_at,
  lastSeenAt: row.last_seen_at,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at
})
