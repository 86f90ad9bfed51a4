/**
 * Access tokens: `capstan_<organization>_<id>_<secret>_<checksum>`.
 *
 * Organization and id stand in the clear, so that a token can be looked up; the checksum lets a mistyped one be refused
 * without asking. The secret is shown once: what is stored is its HMAC-SHA256 under the secret of the installation.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"
import type { Id, Instant } from "@capstan/domain"
import { Result } from "effect"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Caller } from "./Caller.ts"
import type { Trx } from "./Database.ts"
import type { Failure } from "./Failure.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"
import * as Page from "./views/Page.ts"

export interface Parts {
  readonly organization: Id.Id
  readonly id: Id.Id
  readonly secret: string
}

const shape = /^capstan_([0-9a-f]{32})_([0-9a-f]{32})_([\w-]{43})_([0-9a-f]{6})$/

/** null where it is no token at all. */
export const parse = (text: string): Parts | null => {
  const [, organization, id, secret, checksum] = shape.exec(text) ?? []
  return organization === undefined || id === undefined || secret === undefined || checksum === undefined
    ? null
    : checksumOf(text.slice(0, -7)) === checksum
      ? { organization: dashed(organization), id: dashed(id), secret }
      : null
}

export const print = ({ organization, id, secret }: Parts): string => {
  const body = `capstan_${organization.replaceAll("-", "")}_${id.replaceAll("-", "")}_${secret}`
  return `${body}_${checksumOf(body)}`
}

/** A new token of an organization. */
export const mint = (organization: Id.Id): Parts => ({
  organization,
  id: Ids.mint(),
  secret: randomBytes(32).toString("base64url")
})

/** The secret of an installation, as a key. */
export const pepper = (secret: string): KeyObject => createSecretKey(Buffer.from(secret))

export const hash = (key: KeyObject, secret: string): Buffer => createHmac("sha256", key).update(secret).digest()

const checksumOf = (text: string) => (crc32(text) & 0xffffff).toString(16).padStart(6, "0")

const dashed = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`

export interface AccessToken {
  readonly id: Id.Id
  readonly name: string
  readonly scopes: ReadonlyArray<string>
  readonly reach: Id.Id | null
  readonly perSecond: number
  readonly createdBy: string
  readonly createdAt: Instant.Instant
  readonly expiresAt: Instant.Instant | null
  readonly revokedAt: Instant.Instant | null
}

export const insert = async (trx: Trx, organization: Id.Id, token: AccessToken, secretHash: Buffer): Promise<void> => {
  await trx
    .insertInto("access_token")
    .values({
      organization_id: organization,
      id: token.id,
      name: token.name,
      secret_hash: secretHash,
      scopes: [...token.scopes],
      reach: token.reach,
      per_second: token.perSecond,
      created_by: token.createdBy,
      created_at: new Date(token.createdAt),
      expires_at: token.expiresAt === null ? null : new Date(token.expiresAt),
      revoked_at: token.revokedAt === null ? null : new Date(token.revokedAt)
    })
    .execute()
}

/** The token, locked until the transaction ends; null where there is none within reach. */
export const find = async (trx: Trx, { organization, reach }: Reach, id: Id.Id): Promise<AccessToken | null> => {
  const row = await visible(trx, { organization, reach }).where("id", "=", id).forUpdate().executeTakeFirst()
  return row === undefined ? null : tokenOf(row)
}

/** The token that a command came by, which cannot be revoked until the transaction ends; null where it came by none. */
export const maker = async (trx: Trx, { organization, actor }: Caller): Promise<AccessToken | null> => {
  const [kind, id = ""] = actor.split(":")
  return kind === "token" && Ids.isId(id) ? find(trx, { organization, reach: null }, id) : null
}

export const revoke = async (trx: Trx, organization: Id.Id, id: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("access_token")
    .set({ revoked_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .execute()
}

/** Whatever is confined to a client, sessions of its people among it. How many. */
export const revokeOf = async (trx: Trx, organization: Id.Id, client: Id.Id, at: Instant.Instant): Promise<number> => {
  const { numUpdatedRows } = await trx
    .updateTable("access_token")
    .set({ revoked_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("reach", "=", client)
    .where("revoked_at", "is", null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Newest first. */
export const list = async (
  db: Kysely<Tables>,
  within: Reach,
  { limit, cursor }: Page.Asked
): Promise<Result.Result<Page.Page<AccessToken>, Failure>> => {
  const start = Page.start(cursor, "-id")
  if (Result.isFailure(start)) return Result.fail(start.failure)
  const rows = await visible(db, within)
    .$if(start.success !== null, (query) => query.where("id", "<", start.success?.[2] ?? ""))
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute()
  return Result.succeed(Page.of(rows.map(tokenOf), limit, ({ id }) => ["-id", id, id]))
}

type Reach = Pick<Caller, "organization" | "reach">

/** Who is confined to a client sees the tokens that are confined to it, or to one below it. */
const visible = (db: Kysely<Tables>, { organization, reach }: Reach) => {
  const tokens = db.selectFrom("access_token").selectAll().where("organization_id", "=", organization)
  return reach === null
    ? tokens
    : tokens.where("reach", "in", (clients) =>
        clients
          .selectFrom("client")
          .select("id")
          .where("organization_id", "=", organization)
          .where(({ or, eb }) => or([eb("id", "=", reach), sql<boolean>`path @> array[${reach}]::uuid[]`]))
      )
}

const tokenOf = (row: Selectable<Tables["access_token"]>): AccessToken => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes,
  reach: row.reach,
  perSecond: row.per_second,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at
})
