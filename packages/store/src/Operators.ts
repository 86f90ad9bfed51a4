/** The people of an organization. Who has been removed is nowhere, except in the record. */
import type { Id, Instant, Role } from "@capstan/domain"
import { Result } from "effect"
import type { Kysely, Selectable } from "kysely"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

export interface Operator {
  readonly id: Id.Id
  readonly email: string
  readonly name: string | null
  readonly role: Role.Operator
  readonly status: "active" | "invited"
  readonly invitedBy: string
  readonly invitedAt: Instant.Instant
  /** Until when the invitation can be accepted. */
  readonly expiresAt: Instant.Instant
  readonly acceptedAt: Instant.Instant | null
  readonly lastSeenAt: Instant.Instant | null
  readonly version: bigint
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

export const insert = async (trx: Trx, organization: Id.Id, operator: Operator): Promise<void> => {
  await trx
    .insertInto("operator")
    .values({
      organization_id: organization,
      id: operator.id,
      email: operator.email,
      created_at: new Date(operator.createdAt),
      ...columns(operator)
    })
    .execute()
}

/** Writes it as it is now, a version on; when it was last seen is not written so. */
export const update = async (trx: Trx, organization: Id.Id, operator: Operator): Promise<void> => {
  await trx
    .updateTable("operator")
    .set(columns(operator))
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", operator.id)
    .execute()
}

export const remove = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("operator")
    .set({ status: "removed", removed_at: new Date(at), updated_at: new Date(at) })
    .set((eb) => ({ version: eb("version", "+", 1n) }))
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

export const find = async (db: Kysely<Tables>, organization: Id.Id, id: Id.Id): Promise<Operator | undefined> => {
  const row = await present(db, organization).where("id", "=", id).executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** There are few of them. */
export const all = async (db: Kysely<Tables>, organization: Id.Id): Promise<ReadonlyArray<Operator>> => {
  const rows = await present(db, organization).orderBy("id").execute()
  return rows.map(ofRow)
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<Operator>, Failure>> => {
  const start = Page.start(cursor, "-id")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const rows = await present(db, organization)
    .$if(start.success !== null, (query) => query.where("id", "<", start.success?.[2] ?? ""))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(ofRow), limit, ({ id }) => ["-id", id, id]))
}

const present = (db: Kysely<Tables>, organization: Id.Id) =>
  db.selectFrom("operator").selectAll().where("organization_id", "=", organization).where("status", "<>", "removed")

const columns = ({ name, role, status, invitedBy, invitedAt, expiresAt, acceptedAt, updatedAt }: Operator) => ({
  name,
  role,
  status,
  invited_by: invitedBy,
  invited_at: new Date(invitedAt),
  expires_at: new Date(expiresAt),
  accepted_at: acceptedAt === null ? null : new Date(acceptedAt),
  updated_at: new Date(updatedAt)
})

const ofRow = (row: Selectable<Tables["operator"]>): Operator => ({
  id: row.id,
  email: row.email,
  name: row.name,
  role: row.role,
  status: row.status === "active" ? "active" : "invited",
  invitedBy: row.invited_by,
  invitedAt: row.invited_at,
  expiresAt: row.expires_at,
  acceptedAt: row.accepted_at,
  lastSeenAt: row.last_seen_at,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at
})
