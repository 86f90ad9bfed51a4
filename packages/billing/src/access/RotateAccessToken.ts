/**
 * Gives a token a new secret. The one before stays good until the overlap ends; what was before that ends at once. Whoever
 * rotates a token is told its secret, so it can be no stronger than the one that asks.
 */
import type { KeyObject } from "node:crypto"
import { type Id, Power } from "@capstan/domain"
import { AccessTokens, type Caller, CommandKeys, Key, TokenView } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import type { Told } from "./CreateAccessToken.ts"
import { secretUnder } from "./Secret.ts"
import { beyondSession, failureOf, ofMaker, past, powerOf } from "./Strength.ts"
import { bySuperseded } from "./Superseded.ts"
import { revoked } from "./UpdateAccessToken.ts"

export interface Input {
  readonly token: Id.Id
  readonly overlapSeconds: number
}

export const rotateAccessToken = (caller: Caller, { token: id, overlapSeconds }: Input, pepper: KeyObject) =>
  change<Told>(caller, [], async (trx, { record }) => {
    const { organization, now } = caller
    const seen = await TokenView.get(trx, caller, id)
    if (Result.isFailure(seen)) return Result.fail(seen.failure)
    const procedure = "accessTokens.rotate"
    const hash = Key.hash(procedure, [id, overlapSeconds])
    const asked = { ...caller, procedure, hash, secret: secretUnder(pepper, caller) }
    return CommandKeys.once<Told, Refused>(trx, asked, async () => {
      const old = bySuperseded(caller)
      if (old !== undefined) return Result.fail(old)
      const before = await AccessTokens.find(trx, caller, id)
      if (before === null) return Result.fail({ _tag: "NotFound", what: "token", id })
      if (before.revokedAt !== null) return Result.fail(revoked)
      if (past(before.expiresAt, now) !== undefined) return Result.fail(expired)
      const maker = await ofMaker(trx, caller)
      if (Result.isFailure(maker)) return Result.fail(maker.failure)
      const beyond = beyondSession(before, maker.success)
      if (beyond !== undefined) return Result.fail(beyond)
      const excess = Power.excess(powerOf(before), maker.success.power)
      if (excess !== null) return Result.fail(failureOf(excess, maker.success))
      const parts = AccessTokens.mint(organization, id)
      const previousUntil = overlapSeconds === 0 ? null : now + overlapSeconds * 1_000
      const after = { ...before, previousUntil, updatedAt: now, version: before.version + 1n }
      await AccessTokens.rotate(trx, organization, after, AccessTokens.hash(pepper, parts.secret))
      record({ client: null, kind: "access_token.rotated", payload: { token: id, name: before.name, previousUntil } })
      const view = TokenView.present(after, seen.success.lastUsedAt, now)
      return Result.succeed({ ...view, text: AccessTokens.print(parts) })
    })
  })

const expired = {
  _tag: "NotAdmissible",
  reason: "token_ended",
  message: "This token has expired: give it a later end first, or create a new one."
} as const
