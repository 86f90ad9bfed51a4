/**
 * Sessions: the tokens of people, each of one member or of one operator, for some hours.
 *
 * Whose it is and what they may by their role is looked up with every request, so a session ends with its person.
 */
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

export interface Session {
  readonly id: Id.Id
  /** Whose it is: one of them is null. */
  readonly member: Id.Id | null
  readonly operator: Id.Id | null
  /** The client that the member is of. */
  readonly client: Id.Id | null
  readonly scopes: ReadonlyArray<string>
  readonly perSecond: number
  /** The token that made it, also by another session; null where none did. */
  readonly maker: Id.Id | null
  readonly createdBy: string
  readonly createdAt: Instant.Instant
  readonly expiresAt: Instant.Instant
  readonly revokedAt: Instant.Instant | null
}

export const insert = async (trx: Trx, organization: Id.Id, session: Session, secretHash: Buffer): Promise<void> => {
  await trx
    .insertInto("access_token")
    .values({
      organization_id: organization,
      id: session.id,
      name: "session",
      secret_hash: secretHash,
      scopes: [...session.scopes],
      reach: session.client,
      per_second: session.perSecond,
      created_by: session.createdBy,
      created_at: new Date(session.createdAt),
      expires_at: new Date(session.expiresAt),
      revoked_at: null,
      member_id: session.member,
      operator_id: session.operator,
      maker_id: session.maker
    })
    .execute()
}

/** Whose sessions somebody sees. */
export interface Seen {
  readonly organization: Id.Id
  /** Those of members of this client and of all below it; null for all. */
  readonly reach: Id.Id | null
  /** Of one person only. */
  readonly person: Person | null
  /** Whether those of operators as well. */
  readonly operators: boolean
}

type Person = { readonly member: Id.Id } | { readonly operator: Id.Id }

/** Locked until the transaction ends. */
export const find = async (trx: Trx, seen: Seen, id: Id.Id): Promise<Session | undefined> => {
  const row = await visible(trx, seen).where("id", "=", id).forUpdate().executeTakeFirst()
  return row === undefined ? undefined : ofRow(row)
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  seen: Seen,
  person: Person | null,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<Session>, Failure>> => {
  const start = Page.start(cursor, "-id")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const rows = await of(visible(db, seen), person)
    .$if(start.success !== null, (query) => query.where("id", "<", start.success?.[2] ?? ""))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(ofRow), limit, ({ id }) => ["-id", id, id]))
}

export const revoke = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("access_token")
    .set({ revoked_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

/** How long the record of one is kept after its end. */
const keptMs = 30 * 86_400_000
const prunedAtOnce = 1_000

/** Forgets some of those that have ended long ago; how many. */
export const prune = async (db: Kysely<Tables>, now: Instant.Instant): Promise<number> => {
  const { rows } = await sql`
    with old as materialized (
      select organization_id, id from access_token
      where (member_id is not null or operator_id is not null) and expires_at < ${new Date(now - keptMs)}
      order by expires_at limit ${prunedAtOnce} for update skip locked
    ), rates as (
      delete from access_token_rate r using old where r.organization_id = old.organization_id and r.token_id = old.id
    )
    delete from access_token t using old
    where t.organization_id = old.organization_id and t.id = old.id returning 1`.execute(db)
  return rows.length
}

const visible = (db: Kysely<Tables>, { organization, reach, person, operators }: Seen) => {
  const sessions = db
    .selectFrom("access_token")
    .selectAll()
    .where("organization_id", "=", organization)
    .where(({ or, eb }) =>
      or([eb("member_id", "is not", null), ...(operators ? [eb("operator_id", "is not", null)] : [])])
    )
  const own = of(sessions, person)
  return reach === null
    ? own
    : own.where("reach", "in", (clients) =>
        clients
          .selectFrom("client")
          .select("id")
          .where("organization_id", "=", organization)
          .where(({ or, eb }) => or([eb("id", "=", reach), sql<boolean>`path @> array[${reach}]::uuid[]`]))
      )
}

const of = <Q extends ReturnType<typeof everything>>(sessions: Q, person: Person | null) =>
  person === null
    ? sessions
    : "member" in person
      ? sessions.where("member_id", "=", person.member)
      : sessions.where("operator_id", "=", person.operator)

const everything = (db: Kysely<Tables>) => db.selectFrom("access_token").selectAll()

const ofRow = (row: Selectable<Tables["access_token"]>): Session => ({
  id: row.id,
  member: row.member_id,
  operator: row.operator_id,
  client: row.reach,
  scopes: row.scopes,
  perSecond: row.per_second,
  maker: row.maker_id,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at ?? row.created_at,
  revokedAt: row.revoked_at
})
