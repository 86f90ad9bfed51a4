/** Ends a client's raises that nobody has decided on in time. How many. */
import type { Id } from "@capstan/domain"
import { Raises } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { settle } from "./Settle.ts"

export const expireRaises = async (session: Session, client: Id.Id): Promise<Result.Result<number, Refused>> => {
  const { trx, caller, locked } = session
  const due = await Raises.dueOf(trx, caller.organization, client, locked.at)
  for (const raise of due) {
    const expired = await settle(session, raise, "Expire")
    if (Result.isFailure(expired)) return Result.fail(expired.failure)
  }
  return Result.succeed(due.length)
}
