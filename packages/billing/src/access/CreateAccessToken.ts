/** Makes an access token. It can do no more, and see no more, than the one that makes it. Its text is told this once. */
import type { KeyObject } from "node:crypto"
import type { Instant } from "@capstan/domain"
import { AccessTokens, type Caller, Clients, type Failure } from "@capstan/store"
import { Result } from "effect"
import { change } from "../Doors.ts"

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

export const createAccessToken = (caller: Caller, input: Input, pepper: KeyObject) =>
  change<Created>(caller, [], async (trx, { record }) => {
    const refused = refusalOf(caller, input)
    if (refused !== undefined) return Result.fail(refused)
    const { name, scopes, client, perSecond, expiresAt } = input
    const maker = await AccessTokens.maker(trx, caller)
    const outgrown = maker === null ? undefined : outgrowing(maker, input)
    if (outgrown !== undefined) return Result.fail(outgrown)
    const confined = client === null ? undefined : await Clients.find(trx, caller, client)
    if (client !== null && confined === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: client })
    const reach = confined?.id ?? caller.reach
    const parts = AccessTokens.mint(caller.organization)
    const { id, secret } = parts
    const [createdBy, createdAt] = [caller.actor, caller.now]
    const token = { id, name, scopes, reach, perSecond, createdBy, createdAt, expiresAt, revokedAt: null }
    await AccessTokens.insert(trx, caller.organization, token, AccessTokens.hash(pepper, secret))
    record({ client: null, kind: "access_token.created", payload: { token: id, name, scopes, reach } })
    return Result.succeed({ ...token, text: AccessTokens.print(parts) })
  })

/** A token lives no longer, and is no faster, than the one that makes it. */
const outgrowing = (
  maker: Pick<AccessTokens.AccessToken, "expiresAt" | "perSecond">,
  { perSecond, expiresAt }: Input
): Failure | undefined => {
  const reason = "stronger_than_maker"
  if (perSecond > maker.perSecond)
    return {
      _tag: "NotAdmissible",
      reason,
      message: `Your own token has ${maker.perSecond} requests a second: give the new one no more.`
    }
  return maker.expiresAt !== null && (expiresAt === null || expiresAt > maker.expiresAt)
    ? {
        _tag: "NotAdmissible",
        reason,
        message: `Your own token ends at ${new Date(maker.expiresAt).toISOString()}: let the new one end by then.`
      }
    : undefined
}

const refusalOf = (caller: Caller, { scopes, expiresAt }: Input): Failure | undefined => {
  const lacking = scopes.filter((scope) => !caller.scopes.has(scope))
  if (lacking.length > 0)
    return {
      _tag: "NotAdmissible",
      reason: "scope_not_held",
      message: `Your own token lacks ${lacking.join(", ")}, so it cannot give it: leave it out.`
    }
  return expiresAt !== null && expiresAt <= caller.now
    ? { _tag: "OutOfRange", message: "expiresAt is in the past: choose a later time." }
    : undefined
}
