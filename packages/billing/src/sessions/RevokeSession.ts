/** Ends a session: the very next request with it is refused. Ended already, it stays as it is. */
import type { Id } from "@capstan/domain"
import { type Caller, CommandKeys, Key, Sessions } from "@capstan/store"
import { Result } from "effect"
import { bySuperseded } from "../access/Superseded.ts"
import { change, type Refused } from "../Doors.ts"
import { visibleTo } from "./Visible.ts"

export const revokeSession = (caller: Caller, id: Id.Id) =>
  change<Sessions.Session>(caller, [], async (trx, { record }) => {
    const { organization, now } = caller
    const procedure = "sessions.revoke"
    const before = await Sessions.find(trx, visibleTo(caller), id)
    if (before === undefined) return Result.fail({ _tag: "NotFound", what: "session", id })
    const asked = { ...caller, procedure, hash: Key.hash(procedure, [id]) }
    return CommandKeys.once<Sessions.Session, Refused>(trx, asked, async () => {
      const old = bySuperseded(caller)
      if (old !== undefined) return Result.fail(old)
      if (before.revokedAt !== null) return Result.succeed(before)
      await Sessions.revoke(trx, organization, id, now)
      const { client, member, operator } = before
      const [was, is] = [{ revokedAt: null }, { revokedAt: now }]
      record({ client, kind: "session.revoked", payload: { session: id, member, operator, before: was, after: is } })
      return Result.succeed({ ...before, revokedAt: now })
    })
  })
