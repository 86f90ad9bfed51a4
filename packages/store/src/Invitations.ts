/** Invitations: each keeps a seat for a person, as long as it is pending and its time is not over. */
import type { Id, Instant, Role } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

export interface Invitation {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
  readonly status: "accepted" | "pending" | "revoked"
  readonly invitedBy: string
  readonly expiresAt: Instant.Instant
  /** How often its mail has been asked for. */
  readonly sent: number
  /** When it was asked for last. */
  readonly sentAt: Instant.Instant
  readonly acceptedAt: Instant.Instant | null
  /** Who came by it. */
  readonly member: Id.Id | null
  readonly version: bigint
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

export const insert = async (trx: Trx, organization: Id.Id, invitation: Invitation): Promise<void> => {
  await trx
    .insertInto("invitation")
    .values({
      organization_id: organization,
      id: invitation.id,
      client_id: invitation.client,
      email: invitation.email,
      name: invitation.name,
      invited_by: invitation.invitedBy,
      created_at: new Date(invitation.createdAt),
      ...columns(invitation)
    })
    .execute()
}

/** Writes what becomes of it, a version on. */
export const update = async (trx: Trx, organization: Id.Id, invitation: Invitation): Promise<void> => {
  await trx
    .updateTable("invitation")
    .set(columns(invitation))
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", invitation.id)
    .execute()
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Invitation | undefined> => {
  const row = await db
    .selectFrom("invitation")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** All that there ever were of these clients. */
export const ofClients = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  clients: ReadonlyArray<Id.Id>
): Promise<ReadonlyArray<Invitation>> => {
  const rows = await db
    .selectFrom("invitation")
    .selectAll()
    .where("organization_id", "=", organization)
    .where((eb) => eb("client_id", "=", eb.fn.any(eb.val([...clients]))))
    .execute()
  return rows.map(ofRow)
}

/** Those of a client that keep a seat; and whatever is pending at an address. */
export const openOf = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  at: Instant.Instant,
  email: string | null
): Promise<ReadonlyArray<Invitation>> => {
  const rows = await trx
    .selectFrom("invitation")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", sql.lit("pending"))
    .where(sql<boolean>`(expires_at > ${new Date(at)} or lower(email) = lower(${email}))`)
    .orderBy("created_at")
    .orderBy("id")
    .execute()
  return rows.map(ofRow)
}

/** All of a client that nobody has settled. How many. */
export const revokeOf = async (trx: Trx, organization: Id.Id, client: Id.Id, at: Instant.Instant): Promise<number> => {
  const { numUpdatedRows } = await trx
    .updateTable("invitation")
    .set({ status: "revoked", updated_at: new Date(at) })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("status", "=", "pending")
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export const isExpired = ({ status, expiresAt }: Invitation, at: Instant.Instant): boolean =>
  status === "pending" && expiresAt <= at

const columns = ({ role, status, expiresAt, sent, sentAt, acceptedAt, member, updatedAt }: Invitation) => ({
  role,
  status,
  expires_at: new Date(expiresAt),
  sent,
  sent_at: new Date(sentAt),
  accepted_at: acceptedAt === null ? null : new Date(acceptedAt),
  member_id: member,
  updated_at: new Date(updatedAt)
})

export const ofRow = (row: Selectable<Tables["invitation"]>): Invitation => ({
  id: row.id,
  client: row.client_id,
  email: row.email,
  name: row.name,
  role: row.role,
  status: row.status,
  invitedBy: row.invited_by,
  expiresAt: row.expires_at,
  sent: row.sent,
  sentAt: row.sent_at,
  acceptedAt: row.accepted_at,
  member: row.member_id,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at
})
