/**
 * Secrets as they are kept: AES-256-GCM, under a key made from the secret of the installation for one purpose. A value is
 * bound to whose it is, such as an organization and a connection of it, and opens nowhere else.
 *
 *   version (1 byte) | nonce (12) | tag (16) | what is sealed
 */
import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, randomBytes } from "node:crypto"

/** Whose it is, from the outside in. */
type Owner = ReadonlyArray<string>

export interface Seal {
  readonly seal: (secret: string, of: Owner) => Buffer
  /** Throws where it was tampered with, is another's, or was sealed under another secret. */
  readonly unseal: (sealed: Buffer, of: Owner) => string
}

const version = 1
const [nonceAt, tagAt, textAt] = [1, 13, 29] as const

export const under = (secret: KeyObject | string, purpose: string): Seal => {
  const key = Buffer.from(hkdfSync("sha256", secret, "", `capstan: ${purpose}`, 32))
  return {
    seal: (secret, of) => {
      const nonce = randomBytes(tagAt - nonceAt)
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bindingOf(of))
      const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()])
      return Buffer.concat([Buffer.of(version), nonce, cipher.getAuthTag(), text])
    },
    unseal: (sealed, of) => {
      if (sealed[0] !== version || sealed.length < textAt) throw new Error("This is no sealed secret")
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(nonceAt, tagAt), {
        authTagLength: textAt - tagAt
      })
        .setAAD(bindingOf(of))
        .setAuthTag(sealed.subarray(tagAt, textAt))
      return Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()]).toString("utf8")
    }
  }
}

/** Only the last may have slashes of its own. */
const bindingOf = (of: Owner): Buffer => Buffer.from(of.join("/"))
