/**
 * Opens a session for a person whom the caller has recognised. It can do no more than the caller's own token, and
 * what its person may by their role is looked up with each of its requests; so whoever opens one must be able to give that
 * role. What a session opens is of the token that made the first. Its text is told this once.
 */
import type { KeyObject } from "node:crypto"
import { type Id, type Role, Team } from "@capstan/domain"
import {
  AccessTokens,
  type Caller,
  Clients,
  CommandKeys,
  type Database,
  type Failure,
  Key,
  MemberView,
  Operators,
  Sessions
} from "@capstan/store"
import { Result } from "effect"
import { secretUnder } from "../access/Secret.ts"
import { ofMaker } from "../access/Strength.ts"
import { closed } from "../clients/Place.ts"
import { bySuperseded } from "../access/Superseded.ts"
import { change, type Refused } from "../Doors.ts"
import { giverOf } from "../people/Admitted.ts"

export interface Input {
  readonly person: MemberView.Named | { readonly operator: Id.Id }
  readonly expiresInMs: number
}

export interface Opened extends Sessions.Session {
  readonly text: string
}

export const createSession = (caller: Caller, { person, expiresInMs }: Input, pepper: KeyObject) =>
  change<Opened>(
    caller,
    (trx) => clientsOf(trx, caller, person),
    async (trx, { record }) => {
      const { organization, actor, now } = caller
      const procedure = "sessions.create"
      const hash = Key.hash(procedure, [person, expiresInMs])
      const asked = { ...caller, procedure, hash, secret: secretUnder(pepper, caller) }
      return CommandKeys.once<Opened, Refused>(trx, asked, async () => {
        const old = bySuperseded(caller)
        if (old !== undefined) return Result.fail(old)
        const whose = await ("member" in person
          ? ofMember(trx, caller, person)
          : ofOperator(trx, caller, person.operator))
        if (Result.isFailure(whose)) return Result.fail(whose.failure)
        const maker = await ofMaker(trx, caller)
        if (Result.isFailure(maker)) return Result.fail(maker.failure)
        const { token, power, until } = maker.success
        const parts = AccessTokens.mint(organization)
        const session: Sessions.Session = {
          id: parts.id,
          ...whose.success,
          scopes: [...power.scopes],
          perSecond: Math.min(mostPerSecond, power.perSecond),
          maker: token,
          createdBy: actor,
          createdAt: now,
          expiresAt: Math.min(now + expiresInMs, until ?? Infinity, power.expiresAt ?? Infinity),
          revokedAt: null
        }
        await Sessions.insert(trx, organization, session, AccessTokens.hash(pepper, parts.secret))
        const { id, member, operator, expiresAt } = session
        record({
          client: session.client,
          kind: "session.created",
          payload: { session: id, member, operator, expiresAt }
        })
        return Result.succeed({ ...session, text: AccessTokens.print(parts) })
      })
    }
  )

/** How many requests a second a person makes, at most. */
const mostPerSecond = 100

type Whose = Pick<Sessions.Session, "client" | "member" | "operator">

/** The member's client, which does not end meanwhile. */
const clientsOf = async (
  trx: Database.Trx,
  caller: Caller,
  person: Input["person"]
): Promise<ReadonlyArray<string>> => {
  const member = "member" in person ? await MemberView.find(trx, caller, person) : undefined
  return member === undefined ? [] : [member.client]
}

const ofMember = async (
  trx: Database.Trx,
  caller: Caller,
  named: MemberView.Named
): Promise<Result.Result<Whose, Refused>> => {
  const member = await MemberView.find(trx, caller, named)
  const of = member?.client ?? named.client
  const whose = of === undefined ? undefined : await Clients.find(trx, caller, of)
  const ended = whose === undefined ? undefined : closed(whose)
  if (ended !== undefined) return Result.fail(ended)
  if (member === undefined) return Result.fail({ _tag: "NotFound", what: "member", id: named.member })
  const { id, client, role } = member
  return Team.mayGive(giverOf(caller, client), role)
    ? Result.succeed({ member: id, operator: null, client })
    : Result.fail(beyond(role))
}

const beyond = (role: Role.Member): Failure => ({
  _tag: "NotAdmissible",
  reason: "role_not_yours",
  message: `A session acts as its ${role}, a role that your token could not give: use one of the organization or of a client above.`,
  field: "member"
})

/** Whoever may make operators may let one in. */
const ofOperator = async (trx: Database.Trx, caller: Caller, id: Id.Id): Promise<Result.Result<Whose, Failure>> => {
  const absent: Failure = { _tag: "NotFound", what: "operator", id }
  if (caller.reach !== null) return Result.fail(absent)
  if (!caller.scopes.has("operators:write")) return Result.fail(lacking)
  const operator = await Operators.find(trx, caller.organization, id)
  return operator?.status === "active"
    ? Result.succeed({ member: null, operator: id, client: null })
    : Result.fail(absent)
}

const lacking: Failure = {
  _tag: "NotAdmissible",
  reason: "scope_not_held",
  message: "A session of an operator takes the scope operators:write, which your own token lacks: use one that has it."
}
