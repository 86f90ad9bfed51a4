/**
 * Signed links, such as `/links/raises/<token>`: good for who has one, for one purpose, until its time is over.
 *
 * The token has organization, subject and expiry in the clear, and an HMAC-SHA256 of them under the secret of the
 * installation. The purpose stands before what is signed, so that a link to one thing opens no other.
 */
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto"
import type { Id, Instant } from "@capstan/domain"

export interface Parts {
  readonly organization: Id.Id
  /** What it leads to: the raise, the invitation, the operator. */
  readonly subject: Id.Id
  readonly expiresAt: Instant.Instant
}

export type Purpose = "invitation" | "operator" | "raise"

/** Where links of a purpose are answered. */
export const roots: { readonly [P in Purpose]: string } = {
  invitation: "/links/invitations",
  operator: "/links/operators",
  raise: "/links/raises"
}

export const path = (pepper: KeyObject, purpose: Purpose, parts: Parts): string =>
  `${roots[purpose]}/${token(pepper, purpose, parts)}`

export const token = (pepper: KeyObject, purpose: Purpose, { organization, subject, expiresAt }: Parts): string => {
  const body = Buffer.alloc(40)
  body.write(organization.replaceAll("-", ""), 0, "hex")
  body.write(subject.replaceAll("-", ""), 16, "hex")
  body.writeBigUInt64BE(BigInt(expiresAt), 32)
  return Buffer.concat([body, signatureOf(pepper, purpose, body)]).toString("base64url")
}

const shape = /^[\w-]{96}$/

/** Null where we have not signed it, or for another purpose; whether its time is over is for the caller to say. */
export const read = (pepper: KeyObject, purpose: Purpose, token: string): Parts | null => {
  if (!shape.test(token)) return null
  const bytes = Buffer.from(token, "base64url")
  const body = bytes.subarray(0, 40)
  if (!timingSafeEqual(bytes.subarray(40), signatureOf(pepper, purpose, body))) return null
  return {
    organization: uuidOf(body.subarray(0, 16)),
    subject: uuidOf(body.subarray(16, 32)),
    expiresAt: Number(body.readBigUInt64BE(32))
  }
}

const signatureOf = (pepper: KeyObject, purpose: Purpose, body: Buffer): Buffer =>
  createHmac("sha256", pepper).update(`capstan ${purpose} link\n`).update(body).digest()

const uuidOf = (bytes: Buffer): Id.Id =>
  bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
