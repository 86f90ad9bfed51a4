/** What the database knows of a token that came, and what follows from it. */
import { timingSafeEqual } from "node:crypto"
import { type Id, type Instant, Power, type Role } from "@capstan/domain"
import type { Person } from "../Caller.ts"

export interface Row {
  readonly place: number
  readonly secret_hash: Buffer
  /** Of the secret before it, while that is good. */
  readonly previous_hash: Buffer | null
  readonly previous_until: Instant.Instant | null
  readonly scopes: ReadonlyArray<string>
  /** Of the token that made a session, as it is now. */
  readonly maker_scopes: ReadonlyArray<string> | null
  readonly reach: Id.Id | null
  readonly per_second: number
  readonly now: Instant.Instant
  readonly expired: boolean
  readonly revoked: boolean
  /** Of a session. */
  readonly member_id: Id.Id | null
  readonly operator_id: Id.Id | null
  readonly member_role: Role.Member | null
  readonly operator_role: Role.Operator | null
  readonly seen: Instant.Instant | null
  /** What the bucket held, and how much of it was taken; null where there is no bucket yet. */
  readonly held: number | null
  readonly taken: number | null
}

export const refusalOf = (row: Row, hash: Buffer): "expired" | "revoked" | "unknown" | null => {
  const [present, previous] = [isEqual(hash, row.secret_hash), isEqual(hash, row.previous_hash ?? row.secret_hash)]
  return !present && !previous ? "unknown" : row.revoked ? "revoked" : row.expired ? "expired" : null
}

const isEqual = (hash: Buffer, known: Buffer): boolean => hash.length === known.length && timingSafeEqual(hash, known)

/** Until when the secret is good that came, where another has taken its place. */
export const supersededOf = ({ secret_hash, previous_until }: Row, hash: Buffer): Instant.Instant | null =>
  isEqual(hash, secret_hash) ? null : previous_until

export const scopesOf = ({ scopes, maker_scopes }: Row): ReadonlySet<string> => {
  const own = Power.scopesOf(scopes)
  if (maker_scopes === null) return own
  const most = Power.scopesOf(maker_scopes)
  return new Set([...own].filter((scope) => most.has(scope)))
}

export const personOf = ({ member_id, member_role, operator_id, operator_role }: Row): Person | null => {
  if (member_id !== null && member_role !== null) return { kind: "member", id: member_id, role: member_role }
  return operator_id !== null && operator_role !== null
    ? { kind: "operator", id: operator_id, role: operator_role }
    : null
}
