/**
 * Idempotency keys: 1 to 255 printable ASCII characters, and a hash of what they were used for.
 *
 * A ledger key is unique to the spender and a namespace: `caller` for what callers choose, others for what the system
 * posts by itself. Only successes are remembered.
 */
import { hash as digest } from "node:crypto"

export type Namespace = "caller" | "expiry" | "lapse" | "lease" | "order" | "overage" | "refund" | "renewal" | "twin"

export interface Key {
  readonly namespace: Namespace
  readonly key: string
  /** Of operation and payload; null where the key alone says what is done. */
  readonly hash: Buffer | null
}

/** For `JSON.stringify`, which knows no bigint. */
export const bigintsAsText = (_: string, value: unknown): unknown => (typeof value === "bigint" ? `${value}` : value)

/** Sixteen bytes that tell one operation and payload from another. The order of fields tells nothing. */
export const hash = (operation: string, payload: unknown): Buffer =>
  digest("sha256", `${operation}\n${textOf(payload)}`, "buffer").subarray(0, 16)

/** JSON with its fields in order, in which a bigint stands as a string. */
const textOf = (value: unknown): string => {
  if (typeof value === "bigint") return `"${value}"`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  if (Array.isArray(value)) return `[${value.map(textOf).join(",")}]`
  let fields = ""
  const named: Readonly<Record<string, unknown>> = { ...value }
  for (const name of Object.keys(named).sort()) {
    const field = named[name]
    if (field !== undefined) fields += `${fields === "" ? "" : ","}${JSON.stringify(name)}:${textOf(field)}`
  }
  return `{${fields}}`
}
