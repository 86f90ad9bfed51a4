/**
 * Access tokens: `capstan_<organization>_<id>_<secret>_<checksum>`.
 *
 * Organization and id stand in the clear, so that a token can be looked up; the checksum lets a mistyped one be refused
 * without asking. The secret is shown once: what is stored is its HMAC-SHA256 under the secret of the installation.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from "node:crypto"
import { crc32 } from "node:zlib"
import type { Id, Instant } from "@capstan/domain"
import { type Kysely, type Selectable, sql } from "kysely"
import type { Caller } from "./Caller.ts"
import type { Trx } from "./Database.ts"
import * as Ids from "./Ids.ts"
import type { Tables } from "./Tables.ts"

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

/** A new token of an organization, or a new secret of one. */
export const mint = (organization: Id.Id, id = Ids.mint()): Parts => ({
  organization,
  id,
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
  /** Until when the secret before the present one is good; null where there is none. */
  readonly previousUntil: Instant.Instant | null
  readonly version: bigint
  readonly updatedAt: Instant.Instant
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
      expires_at: stamp(token.expiresAt),
      revoked_at: stamp(token.revokedAt),
      version: token.version
    })
    .execute()
}

/** The token, locked until the transaction ends; null where there is none within reach. */
export const find = async (trx: Trx, within: Reach, id: Id.Id): Promise<AccessToken | null> => {
  const row = await visible(trx, within).selectAll().where("id", "=", id).forUpdate().executeTakeFirst()
  return row === undefined ? null : ofRow(row)
}

/** What a command came by, and what stands behind that. */
export interface Held {
  readonly own: AccessToken
  /** Of a session: the token that made it, or itself where none did. Of a token: itself. */
  readonly maker: AccessToken
  readonly isSession: boolean
}

/** They stay as they are until the transaction ends; null where it came by none. */
export const held = async (trx: Trx, { organization, token }: Caller): Promise<Held | null> => {
  const row = token === undefined ? undefined : await locked(trx, organization, token)
  if (row === undefined) return null
  const own = ofRow(row)
  if (row.member_id === null && row.operator_id === null) return { own, maker: own, isSession: false }
  const maker = row.maker_id === null ? undefined : await locked(trx, organization, row.maker_id)
  return { own, maker: maker === undefined ? own : ofRow(maker), isSession: true }
}

const locked = (trx: Trx, organization: Id.Id, id: Id.Id) =>
  trx
    .selectFrom("access_token")
    .selectAll()
    .where("organization_id", "=", organization)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst()

/** Writes what of it may change, as its next version. */
export const update = async (
  trx: Trx,
  organization: Id.Id,
  token: Pick<AccessToken, "expiresAt" | "id" | "name" | "perSecond" | "revokedAt" | "scopes" | "updatedAt">
): Promise<void> => {
  await trx
    .updateTable("access_token")
    .set({
      name: token.name,
      scopes: [...token.scopes],
      per_second: token.perSecond,
      expires_at: stamp(token.expiresAt),
      revoked_at: stamp(token.revokedAt),
      version: sql`version + 1`,
      updated_at: new Date(token.updatedAt)
    })
    .where("organization_id", "=", organization)
    .where("id", "=", token.id)
    .execute()
}

/** Whatever is confined to a client, sessions of its people among it. How many. */
export const revokeOf = async (trx: Trx, organization: Id.Id, client: Id.Id, at: Instant.Instant): Promise<number> => {
  const { numUpdatedRows } = await trx
    .updateTable("access_token")
    .set({ revoked_at: new Date(at), version: sql`version + 1`, updated_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("reach", "=", client)
    .where("revoked_at", "is", null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

/** Puts a new secret in place of the present one, which is good until then; null for no longer. What was before it ends. */
export const rotate = async (
  trx: Trx,
  organization: Id.Id,
  token: Pick<AccessToken, "id" | "previousUntil" | "updatedAt">,
  secretHash: Buffer
): Promise<void> => {
  await trx
    .updateTable("access_token")
    .set({
      secret_hash: secretHash,
      previous_hash: token.previousUntil === null ? null : sql`secret_hash`,
      previous_until: stamp(token.previousUntil),
      version: sql`version + 1`,
      updated_at: new Date(token.updatedAt)
    })
    .where("organization_id", "=", organization)
    .where("id", "=", token.id)
    .execute()
}

export type Reach = Pick<Caller, "organization" | "reach">

/**
 * Who is confined to a client sees the tokens that are confined to it, or to one below it. Sessions of people are shown to
 * nobody.
 */
export const visible = (db: Kysely<Tables>, { organization, reach }: Reach) => {
  const tokens = db
    .selectFrom("access_token")
    .where("access_token.organization_id", "=", organization)
    .where("member_id", "is", null)
    .where("operator_id", "is", null)
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

export const ofRow = (row: Selectable<Tables["access_token"]>): AccessToken => ({
  id: row.id,
  name: row.name,
  scopes: row.scopes,
  reach: row.reach,
  perSecond: row.per_second,
  createdBy: row.created_by,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
  previousUntil: row.previous_until,
  version: row.version,
  updatedAt: row.updated_at ?? row.created_at
})

const stamp = (at: Instant.Instant | null): Date | null => (at === null ? null : new Date(at))
