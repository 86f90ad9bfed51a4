/** Revokes an access token: the very next request with it is refused. Revoked already, it stays as it is. */
import type { Id } from "@capstan/domain"
import { AccessTokens, type Caller } from "@capstan/store"
import { Result } from "effect"
import { change } from "../Doors.ts"

export const deleteAccessToken = (caller: Caller, id: Id.Id) =>
  change<AccessTokens.AccessToken>(caller, [], async (trx, { record }) => {
    const token = await AccessTokens.find(trx, caller, id)
    if (token === null) return Result.fail({ _tag: "NotFound", what: "token", id })
    if (token.revokedAt !== null) return Result.succeed(token)
    await AccessTokens.revoke(trx, caller.organization, id, caller.now)
    record({ client: null, kind: "access_token.revoked", payload: { token: id, name: token.name } })
    return Result.succeed({ ...token, revokedAt: caller.now })
  })
