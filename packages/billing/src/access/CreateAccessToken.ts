/** Makes an access token. It can do no more, and see no more, than the one that makes it. Its text is told this once. */
import type { KeyObject } from "node:crypto"
import { type Instant, Power } from "@capstan/domain"
import { AccessTokens, type Caller, Clients, CommandKeys, Key, TokenView } from "@capstan/store"
import { Result } from "effect"
import { closed } from "../clients/Place.ts"
import { change, type Refused } from "../Doors.ts"
import { secretUnder } from "./Secret.ts"
import { failureOf, ofMaker, past, powerOf } from "./Strength.ts"
import { bySuperseded } from "./Superseded.ts"

export interface Input {
  readonly name: string
  readonly scopes: ReadonlyArray<string>
  /** The client whose subtree it is confined to; null for all that the caller reaches. */
  readonly client: string | null
  readonly perSecond: number
  readonly expiresAt: Instant.Instant | null
}

/** A token, with its text. */
export interface Told extends TokenView.View {
  readonly text: string
}

export const createAccessToken = (caller: Caller, input: Input, pepper: KeyObject) =>
  change<Told>(caller, confinedTo(caller, input), async (trx, { record }) => {
    const { name, scopes, perSecond, expiresAt } = input
    const [named] = confinedTo(caller, input)
    const confined = named === undefined ? undefined : await Clients.find(trx, caller, named)
    if (named !== undefined && confined === undefined)
      return Result.fail({ _tag: "NotFound", what: "client", id: named })
    const reach = confined?.id ?? null
    const procedure = "accessTokens.create"
    const hash = Key.hash(procedure, [name, scopes, reach, perSecond, expiresAt])
    const asked = { ...caller, procedure, hash, secret: secretUnder(pepper, caller) }
    return CommandKeys.once<Told, Refused>(trx, asked, async () => {
      const old = bySuperseded(caller)
      if (old !== undefined) return Result.fail(old)
      const gone = confined === undefined ? undefined : closed(confined)
      if (gone !== undefined) return Result.fail(gone)
      const late = past(expiresAt, caller.now)
      if (late !== undefined) return Result.fail(late)
      const maker = await ofMaker(trx, caller)
      if (Result.isFailure(maker)) return Result.fail(maker.failure)
      const excess = Power.excess(powerOf(input), maker.success.power)
      if (excess !== null) return Result.fail(failureOf(excess, maker.success))
      const parts = AccessTokens.mint(caller.organization)
      const token: AccessTokens.AccessToken = {
        id: parts.id,
        name,
        scopes,
        reach,
        perSecond,
        expiresAt,
        createdBy: caller.actor,
        createdAt: caller.now,
        revokedAt: null,
        previousUntil: null,
        version: 1n,
        updatedAt: caller.now
      }
      await AccessTokens.insert(trx, caller.organization, token, AccessTokens.hash(pepper, parts.secret))
      const payload = { token: token.id, name, scopes, reach, perSecond, expiresAt }
      record({ client: null, kind: "access_token.created", payload })
      return Result.succeed({ ...TokenView.present(token, null, caller.now), text: AccessTokens.print(parts) })
    })
  })

/** The client to whose end it is good, which does not end meanwhile: the one that is named, or the caller's own. */
const confinedTo = ({ reach }: Caller, { client }: Input): ReadonlyArray<string> => {
  const name = client ?? reach
  return name === null ? [] : [name]
}
