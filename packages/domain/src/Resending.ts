/**
 * How often somebody is written to who has not asked for it: a mail goes out, again at once where something was amiss with it,
 * and from then on with a pause before each, up to so many in all.
 */
import type { Instant } from "./Instant.ts"

export interface Sent {
  /** How often, the first among them. */
  readonly sent: number
  /** When it was sent last. */
  readonly sentAt: Instant
}

export type Refusal =
  | { readonly _tag: "TooSoon"; readonly until: Instant }
  | { readonly _tag: "TooOften"; readonly most: number }

export const pause = 60_000
export const most = 20

/** Why it is not sent again; undefined where it may be. */
export const refusal = ({ sent, sentAt }: Sent, at: Instant): Refusal | undefined => {
  if (sent >= most) return { _tag: "TooOften", most }
  return sent > 1 && at < sentAt + pause ? { _tag: "TooSoon", until: sentAt + pause } : undefined
}
