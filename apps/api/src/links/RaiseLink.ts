/**
 * Signed links to raises: `/links/raises/<token>`, good for who has it until the raise expires.
 *
 * The token has organization, raise and expiry in the clear, and an HMAC-SHA256 of them under the secret of the
 * installation, with a word before it that no other signature has.
 */
import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto"
import type { Id, Instant } from "@capstan/domain"

export interface Parts {
  readonly organization: Id.Id
  readonly raise: Id.Id
  readonly expiresAt: Instant.Instant
}

export const root = "/links/raises"

export const path = (pepper: KeyObject, parts: Parts): string => {
  const body = Buffer.alloc(40)
  body.write(parts.organization.replaceAll("-", ""), 0, "hex")
  body.write(parts.raise.replaceAll("-", ""), 16, "hex")
  body.writeBigUInt64BE(BigInt(parts.expiresAt), 32)
  return `${root}/${Buffer.concat([body, signatureOf(pepper, body)]).toString("base64url")}`
}

const shape = /^[\w-]{96}$/

/** Null where we have not signed it; whether its time is over is for the caller to say. */
export const read = (pepper: KeyObject, token: string): Parts | null => {
  if (!shape.test(token)) return null
  const bytes = Buffer.from(token, "base64url")
  const body = bytes.subarray(0, 40)
  if (!timingSafeEqual(bytes.subarray(40), signatureOf(pepper, body))) return null
  return {
    organization: uuidOf(body.subarray(0, 16)),
    raise: uuidOf(body.subarray(16, 32)),
    expiresAt: Number(body.readBigUInt64BE(32))
  }
}

const signatureOf = (pepper: KeyObject, body: Buffer): Buffer =>
  createHmac("sha256", pepper).update("capstan raise link\n").update(body).digest()

const uuidOf = (bytes: Buffer): Id.Id =>
  bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
