/** Members as answers show them. */
import type { Id, Instant, Role } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, sql } from "kysely"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import * as Ids from "../Ids.ts"
import * as Members from "../Members.ts"
import type { Tables } from "../Tables.ts"
import * as Page from "./Page.ts"

export interface Member {
  readonly id: Id.Id
  readonly client: Id.Id
  readonly email: string
  readonly name: string | null
  readonly role: Role.Member
  readonly externalId: string | null
  readonly completedOnboarding: boolean
  readonly onboardedAt: Instant.Instant | null
  readonly lastSeenAt: Instant.Instant | null
  readonly etag: string
  readonly createdAt: Instant.Instant
  readonly updatedAt: Instant.Instant
}

export const present = ({ version, ...member }: Members.Member): Member => ({
  ...member,
  completedOnboarding: member.onboardedAt !== null,
  etag: `${version}`
})

/** By id; or, with a client, by `ext:` and the external id. */
export interface Named {
  readonly member: string
  readonly client?: string | undefined
}

/** Undefined where it is not there, not of that client, or not within reach. */
export const find = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { member: ref, client }: Named,
  byId = Members.find
): Promise<Members.Member | undefined> => {
  const { organization } = within
  const named = client === undefined ? undefined : await Clients.find(db, within, client)
  if (client !== undefined && named === undefined) return undefined
  if (ref.startsWith("ext:"))
    return named === undefined
      ? undefined
      : Members.findByExternalId(db, organization, named.id, ref.slice("ext:".length))
  const member = Ids.isId(ref) ? await byId(db, organization, ref) : undefined
  if (member === undefined) return undefined
  const owner = named ?? (await Clients.find(db, within, member.client))
  return owner?.id === member.client ? member : undefined
}

export const get = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  named: Named
): Promise<Result.Result<Member, Failure>> => {
  const member = await find(db, within, named)
  return member === undefined
    ? Result.fail({ _tag: "NotFound", what: "member", id: named.member })
    : Result.succeed(present(member))
}

export interface Asked extends Page.Asked {
  readonly client?: string | undefined
  readonly role?: Role.Member | undefined
  /** Whatever the case of its letters. */
  readonly email?: string | undefined
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  within: Clients.Within,
  { client: ref, role, email, limit, cursor }: Asked
): Promise<Result.Result<Page.Page<Member>, Failure>> => {
  const client = ref === undefined ? undefined : await Clients.find(db, within, ref)
  if (ref !== undefined && client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref })
  const start = Page.start(cursor, "-createdAt", "number")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  let members = db
    .selectFrom("member")
    .selectAll()
    .where("organization_id", "=", within.organization)
    .where("removed_at", "is", null)
    .where(Page.older(start.success, "created_at"))
  if (client !== undefined) members = members.where("client_id", "=", client.id)
  else if (within.reach !== null) members = members.where(isBelow(within.organization, within.reach))
  if (role !== undefined) members = members.where("role", "=", role)
  if (email !== undefined) members = members.where(sql<boolean>`lower(email) = lower(${email})`)
  const rows = await members
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  const page = Page.of(rows.map(Members.ofRow), limit, ({ id, createdAt }) => ["-createdAt", createdAt, id])
  return Result.succeed({ ...page, items: page.items.map(present) })
}

/** Of a client or of one below it. */
export const isBelow = (organization: Id.Id, reach: Id.Id) => sql<boolean>`client_id in (
  select id from client c where c.organization_id = ${organization} and (c.id = ${reach} or c.path @> array[${reach}::uuid])
)`
