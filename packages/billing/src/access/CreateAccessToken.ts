/** Makes an access token. It can do no more, and see no more, than the one that makes it. Its text is told this once. */
import type { KeyObject } from "node:crypto"
import type { Id, Instant } from "@capstan/domain"
import { AccessTokens, type Caller, type Failure, Trees } from "@capstan/store"
import { Effect, Result } from "effect"

export interface Input {
  readonly name: string
  readonly scopes: ReadonlyArray<string>
  /** The client whose subtree it is confined to; null for all that the caller reaches. */
  readonly client: string | null
  readonly perSecond: number
  readonly expiresAt: Instant.Instant | null
}

export interface Created extends AccessTokens.AccessToken {
  readonly text: string
}

export const createAccessToken = Effect.fnUntraced(function* (
  caller: Caller,
  { name, scopes, client, perSecond, expiresAt }: Input,
  pepper: KeyObject
): Effect.fn.Return<Created, Failure, Trees.Trees> {
  const trees = yield* Trees.Trees
  const lacking = scopes.filter((scope) => !caller.scopes.has(scope))
  if (lacking.length > 0)
    return yield* Effect.fail({
      _tag: "NotAdmissible",
      reason: "scope_not_held",
      message: `Your own token lacks ${lacking.join(", ")}, so it cannot give it: leave it out.`
    } as const)
  if (expiresAt !== null && expiresAt <= caller.now)
    return yield* Effect.fail({ _tag: "OutOfRange", message: "expiresAt is in the past: choose a later time." } as const)
  const seen = client === null ? null : yield* Effect.fromResult(yield* Effect.promise(() => trees.look(caller, client)))
  const reach: Id.Id | null = seen === null ? caller.reach : seen.branch.line[0].id
  const parts = AccessTokens.mint(caller.organization)
  const token: AccessTokens.AccessToken = {
    id: parts.id,
    name,
    scopes,
    reach,
    perSecond,
    createdBy: caller.actor,
    createdAt: caller.now,
    expiresAt,
    revokedAt: null
  }
  const hash = AccessTokens.hash(pepper, parts.secret)
  const written = yield* Effect.promise(() =>
    trees.change(caller, [], async (trx, { record }) => {
      await AccessTokens.insert(trx, caller.organization, token, hash)
      record({ client: null, kind: "access_token.created", payload: { token: parts.id, name, scopes, reach } })
      return Result.succeed<Created>({ ...token, text: AccessTokens.print(parts) })
    })
  )
  return yield* Effect.fromResult(written)
})
