/**
 * Holds that are not of one tree with their client: a move has cut them in two, or has taken the client from who pays.
 * They are settled by the locked door, whose keys and answers are the gate's.
 */
import type { Id } from "@capstan/domain"
import { Result } from "effect"
import type { Caller } from "../Caller.ts"
import type { Connection } from "../Database.ts"
import * as Holds from "../Holds.ts"
import { notFound, settlementOf } from "./Batch.ts"
import { change } from "./Door.ts"
import { type Answer, namespaceOf, type Refused, type Request } from "./Request.ts"

export const settle = async (
  database: Pick<Connection, "db">,
  caller: Caller,
  request: Extract<Request, { readonly hold: Id.Id }>,
  drop: (root: Id.Id) => void
): Promise<Result.Result<Answer, Refused>> => {
  const { organization, key } = caller
  if (key === null) return Result.fail({ _tag: "KeyMissing" })
  const settled = await change<Answer, Refused>(
    database,
    caller,
    async (trx) => {
      const twin = (await Holds.find(trx, organization, request.hold))?.twin ?? null
      return [`hold:${request.hold}`, ...(twin === null ? [] : [`hold:${twin}`])]
    },
    async (_, locked) => {
      const named = { namespace: namespaceOf(request), key, hash: request.hash }
      const posted = await locked.settle(request.hold, (snapshot, at) => settlementOf(request, snapshot, at), named)
      if (Result.isFailure(posted)) return Result.fail(posted.failure)
      const { entry, replayed } = posted.success
      return entry === null ? Result.fail(notFound(request)) : Result.succeed({ _tag: "Posted", replayed, entry })
    },
    drop
  )
  return Result.isFailure(settled) && settled.failure._tag === "NotFound" ? Result.fail(notFound(request)) : settled
}
