/**
 * How much an access token may: what for, how often, and until when.
 *
 * No token makes, changes or renews one so that it becomes stronger than both it was and its maker is. So whatever the
 * holder of a token does, what it holds is never more than it was given.
 */
import type { Instant } from "./Instant.ts"

export interface Power {
  /** With what they imply: see `scopesOf`. */
  readonly scopes: ReadonlySet<string>
  readonly perSecond: number
  /** Null for ever. */
  readonly expiresAt: Instant | null
}

/** In what one is more than another. */
export type Excess =
  | { readonly _tag: "Scopes"; readonly lacking: ReadonlyArray<string> }
  | { readonly _tag: "Rate"; readonly most: number }
  | { readonly _tag: "Life"; readonly until: Instant }

/** Who may write may read. */
export const scopesOf = (scopes: Iterable<string>): ReadonlySet<string> =>
  new Set(
    [...scopes].flatMap((scope) =>
      scope.endsWith(":write") ? [scope, `${scope.slice(0, -":write".length)}:read`] : [scope]
    )
  )

/** In what it is more than its bound; null where in nothing. */
export const excess = (of: Power, bound: Power): Excess | null => {
  const lacking = [...of.scopes].filter((scope) => !bound.scopes.has(scope))
  if (lacking.length > 0) return { _tag: "Scopes", lacking }
  if (of.perSecond > bound.perSecond) return { _tag: "Rate", most: bound.perSecond }
  return bound.expiresAt !== null && (of.expiresAt === null || of.expiresAt > bound.expiresAt)
    ? { _tag: "Life", until: bound.expiresAt }
    : null
}

/** Of a change: it may make weaker whatever there is, and stronger what stays within the maker's own power. */
export const excessOfChange = (before: Power, after: Power, maker: Power): Excess | null =>
  excess(after, before) === null ? null : excess(after, maker)
