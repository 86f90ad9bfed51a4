/** Revokes an access token, and all its secrets: the very next request is refused. Revoked already, it stays as it is. */
import type { Id } from "@capstan/domain"
import { AccessTokens, type Caller, CommandKeys, Key, TokenView } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import { bySuperseded } from "./Superseded.ts"

export const deleteAccessToken = (caller: Caller, id: Id.Id) =>
  change<TokenView.View>(caller, [], async (trx, { record }) => {
    const { organization, now } = caller
    const seen = await TokenView.get(trx, caller, id)
    if (Result.isFailure(seen)) return Result.fail(seen.failure)
    const procedure = "accessTokens.delete"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, [id]) }
    return CommandKeys.once<TokenView.View, Refused>(trx, asked, async () => {
      const old = bySuperseded(caller)
      if (old !== undefined) return Result.fail(old)
      const before = await AccessTokens.find(trx, caller, id)
      if (before === null) return Result.fail({ _tag: "NotFound", what: "token", id })
      if (before.revokedAt !== null) return Result.succeed(seen.success)
      const after = { ...before, revokedAt: now, updatedAt: now, version: before.version + 1n }
      await AccessTokens.update(trx, organization, after)
      record({ client: null, kind: "access_token.revoked", payload: { token: id, name: before.name } })
      return Result.succeed(TokenView.present(after, seen.success.lastUsedAt, now))
    })
  })
