/** Invitations as answers show them: whether the time of one is over is found out as it is read. */
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Invitations from "../Invitations.ts"
import type { Tables } from "../Tables.ts"
import { isBelow } from "./MemberView.ts"
import * as Page from "./Page.ts"

export interface Invitation extends Omit<Invitations.Invitation, "version"> {
  /** It is pending, its time is over, and it keeps no seat. */
  readonly isExpired: boolean
  readonly etag: string
}

export const present = ({ version, ...invitation }: Invitations.Invitation, at: Instant.Instant): Invitation => ({
  ...invitation,
  isExpired: Invitations.isExpired({ ...invitation, version }, at),
  etag: `${version}`
})

/** Undefined where it is not there, or not within reach. */
export const find = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  id: Id.Id
): Promise<Invitations.Invitation | undefined> => {
  const invitation = await Invitations.find(db, within.organization, id)
  const client = invitation === undefined ? undefined : await Clients.find(db, within, invitation.client)
  return client === undefined ? undefined : invitation
}

export interface Asked extends Page.Asked {
  readonly client?: string | undefined
  readonly status?: Invitations.Invitation["status"] | undefined
  /** Whatever the case of its letters. */
  readonly email?: string | undefined
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { client: ref, status, email, limit, cursor }: Asked,
  at: Instant.Instant
): Promise<Result.Result<Page.Page<Invitation>, Failure>> => {
  const client = ref === undefined ? undefined : await Clients.find(db, within, ref)
  if (ref !== undefined && client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "-createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  let invitations = db
    .selectFrom("invitation")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where(Page.older(start.success, "created_at"))
  if (client !== undefined) invitations = invitations.where("client_id", "=", client.id)
  else if (within.reach !== null) invitations = invitations.where(isBelow(within.organization, within.reach))
  if (status !== undefined) invitations = invitations.where("status", "=", status)
  if (email !== undefined) invitations = invitations.where(sql<boolean>`lower(email) = lower(${email})`)
  const rows = await invitations
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  const page = Page.of(rows.map(Invitations.ofRow), limit, ({ id, createdAt }) => ["-createdAt", createdAt, id])
  return Result.succeed({ ...page, items: page.items.map((invitation) => present(invitation, at)) })
}
