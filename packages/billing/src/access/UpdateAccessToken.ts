/**
 * Changes what a token is called, may do, how often, and until when. What makes it weaker, whoever reaches it may; what
 * makes it stronger has to leave it within the power of the one that asks. The very next request with it is held to it.
 */
import { type Id, type Instant, Power } from "@capstan/domain"
import { AccessTokens, type Caller, CommandKeys, type Failure, Key, TokenView } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused, staleness } from "../Doors.ts"
import { beyondSession, failureOf, ofMaker, past, powerOf } from "./Strength.ts"
import { bySuperseded } from "./Superseded.ts"

/** What is absent stays as it is. */
export interface Input {
  readonly token: Id.Id
  readonly name?: string
  readonly scopes?: ReadonlyArray<string>
  readonly perSecond?: number
  readonly expiresAt?: Instant.Instant | null
}

export const updateAccessToken = (caller: Caller, { token: id, name, scopes, perSecond, expiresAt }: Input) =>
  change<TokenView.View>(caller, [], async (trx, { record }) => {
    const { organization, now } = caller
    const seen = await TokenView.get(trx, caller, id)
    if (Result.isFailure(seen)) return Result.fail(seen.failure)
    const procedure = "accessTokens.update"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, [id, { name, scopes, perSecond, expiresAt }]) }
    return CommandKeys.once<TokenView.View, Refused>(trx, asked, async () => {
      const old = bySuperseded(caller)
      if (old !== undefined) return Result.fail(old)
      const before = await AccessTokens.find(trx, caller, id)
      if (before === null) return Result.fail({ _tag: "NotFound", what: "token", id })
      const stale = staleness(caller, before.version)
      if (stale !== undefined) return Result.fail(stale)
      if (before.revokedAt !== null) return Result.fail(revoked)
      const after: AccessTokens.AccessToken = {
        ...before,
        name: name ?? before.name,
        scopes: scopes ?? before.scopes,
        perSecond: perSecond ?? before.perSecond,
        expiresAt: expiresAt === undefined ? before.expiresAt : expiresAt,
        updatedAt: now,
        version: before.version + 1n
      }
      const late = expiresAt === undefined ? undefined : past(expiresAt, now)
      if (late !== undefined) return Result.fail(late)
      const maker = await ofMaker(trx, caller)
      if (Result.isFailure(maker)) return Result.fail(maker.failure)
      const beyond = beyondSession(before, maker.success)
      if (beyond !== undefined) return Result.fail(beyond)
      const excess = Power.excessOfChange(powerOf(before), powerOf(after), maker.success.power)
      if (excess !== null) return Result.fail(failureOf(excess, maker.success))
      await AccessTokens.update(trx, organization, after)
      const payload = { token: id, before: told(before), after: told(after) }
      record({ client: null, kind: "access_token.updated", payload })
      return Result.succeed(TokenView.present(after, seen.success.lastUsedAt, now))
    })
  })

const told = ({ name, scopes, perSecond, expiresAt }: AccessTokens.AccessToken) => ({
  name,
  scopes,
  perSecond,
  expiresAt
})

export const revoked: Failure = {
  _tag: "NotAdmissible",
  reason: "token_ended",
  message: "This token has been revoked, for good: create a new one."
}
