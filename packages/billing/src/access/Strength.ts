/** How strong tokens are, and the one that asks: none makes, changes or renews one so that it becomes stronger than itself. */
import { type Instant, Power } from "@capstan/domain"
import { AccessTokens, type Caller, type Database, type Failure } from "@capstan/store"
import { Result } from "effect"

export const powerOf = ({
  scopes,
  perSecond,
  expiresAt
}: Pick<AccessTokens.AccessToken, "expiresAt" | "perSecond" | "scopes">): Power.Power => ({
  scopes: Power.scopesOf(scopes),
  perSecond,
  expiresAt
})

/**
 * Of the caller. Its own token is locked, so that it is not made weaker meanwhile. A person's session is short, and what a
 * person makes may outlive it; the command line makes what it likes.
 */
export const ofMaker = async (trx: Database.Trx, caller: Caller): Promise<Result.Result<Power.Power, Failure>> => {
  const held = Power.scopesOf(caller.scopes)
  const own = await AccessTokens.maker(trx, caller)
  if (own !== null && own.revokedAt !== null) return Result.fail(revoked)
  if (own === null || caller.person !== undefined)
    return Result.succeed({ scopes: held, perSecond: Number.MAX_SAFE_INTEGER, expiresAt: null })
  const power = powerOf(own)
  return Result.succeed({ ...power, scopes: new Set([...power.scopes].filter((scope) => held.has(scope))) })
}

const revoked: Failure = {
  _tag: "NotAdmissible",
  reason: "token_ended",
  message: "Your own token has been revoked meanwhile."
}

/** What tells of an excess. */
export const failureOf = (excess: Power.Excess): Failure => {
  switch (excess._tag) {
    case "Scopes":
      return {
        _tag: "NotAdmissible",
        reason: "scope_not_held",
        message: `Your own token lacks ${excess.lacking.join(", ")}, so it cannot give it: leave it out.`
      }
    case "Rate":
      return {
        _tag: "NotAdmissible",
        reason: "stronger_than_maker",
        message: `Your own token has ${excess.most} requests a second: give this one no more.`
      }
    case "Life":
      return {
        _tag: "NotAdmissible",
        reason: "stronger_than_maker",
        message: `Your own token ends at ${new Date(excess.until).toISOString()}: let this one end by then.`
      }
  }
}

/** A token that ends has to end later than now. */
export const past = (expiresAt: Instant.Instant | null, now: Instant.Instant): Failure | undefined =>
  expiresAt !== null && expiresAt <= now
    ? { _tag: "OutOfRange", message: "expiresAt is in the past: choose a later time." }
    : undefined
