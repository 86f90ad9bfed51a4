/** How strong tokens are, and the one that asks: none makes, changes or renews one so that it becomes stronger than itself. */
import { type Id, type Instant, Power } from "@capstan/domain"
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

/** Who makes, changes or renews. */
export interface Maker {
  /** The token that bounds it; null for the command line, which makes what it likes. */
  readonly token: Id.Id | null
  readonly power: Power.Power
  /** Until when it can ask. */
  readonly until: Instant.Instant | null
  readonly isSession: boolean
}

/**
 * Of the caller. A session is as strong as the token that made it is now, and as the role of its person lets it: what a
 * person makes may outlive the session, and not that token. Both are locked, so that they are not made weaker meanwhile.
 */
export const ofMaker = async (trx: Database.Trx, caller: Caller): Promise<Result.Result<Maker, Failure>> => {
  const held = Power.scopesOf(caller.scopes)
  const came = await AccessTokens.held(trx, caller)
  if (came === null) {
    const power = { scopes: held, perSecond: Number.MAX_SAFE_INTEGER, expiresAt: null }
    return Result.succeed({ token: null, power, until: null, isSession: false })
  }
  const { own, maker, isSession } = came
  if (own.revokedAt !== null || maker.revokedAt !== null) return Result.fail(revoked)
  const power = powerOf(maker)
  const scopes = new Set([...power.scopes].filter((scope) => held.has(scope)))
  return Result.succeed({ token: maker.id, power: { ...power, scopes }, until: own.expiresAt, isSession })
}

const revoked: Failure = {
  _tag: "NotAdmissible",
  reason: "token_ended",
  message: "Your own token, or the one that made your session, has been revoked meanwhile."
}

/** A session leaves alone the token that bounds it, and any that is stronger than that. */
export const beyondSession = (token: AccessTokens.AccessToken, maker: Maker): Failure | undefined => {
  if (!maker.isSession) return undefined
  if (token.id === maker.token) return itsMaker
  const excess = Power.excess(powerOf(token), maker.power)
  return excess === null
    ? undefined
    : {
        _tag: "NotAdmissible",
        reason: excess._tag === "Scopes" ? "scope_not_held" : "stronger_than_maker",
        message:
          "This token may more than your session and the token that made it: change it by a token that may as much."
      }
}

const itsMaker: Failure = {
  _tag: "NotAdmissible",
  reason: "set_from_above",
  message: "This token made your session, which therefore cannot change it: use a token."
}

/** What tells of an excess. */
export const failureOf = (excess: Power.Excess, { isSession }: Maker): Failure => {
  const whose = isSession ? "The token that made your session" : "Your own token"
  switch (excess._tag) {
    case "Scopes":
      return {
        _tag: "NotAdmissible",
        reason: "scope_not_held",
        message: `Your own ${isSession ? "session" : "token"} lacks ${excess.lacking.join(", ")}, so it cannot give it: leave it out.`
      }
    case "Rate":
      return {
        _tag: "NotAdmissible",
        reason: "stronger_than_maker",
        message: `${whose} has ${excess.most} requests a second: give this one no more.`
      }
    case "Life":
      return {
        _tag: "NotAdmissible",
        reason: "stronger_than_maker",
        message: `${whose} ends at ${new Date(excess.until).toISOString()}: let this one end by then.`
      }
  }
}

/** A token that ends has to end later than now. */
export const past = (expiresAt: Instant.Instant | null, now: Instant.Instant): Failure | undefined =>
  expiresAt !== null && expiresAt <= now
    ? { _tag: "OutOfRange", message: "expiresAt is in the past: choose a later time." }
    : undefined
