/** How a raise is settled in a transaction; the log has each, and the cap's own change where it was approved. */
import { Raise, type SpendingCap } from "@capstan/domain"
import { type Failure, Raises } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import * as CapLog from "../caps/CapLog.ts"
import type { Session } from "../subscriptions/Serve.ts"
import * as RaiseLog from "./RaiseLog.ts"

/** The raise as it stands then; nothing is written where it stood so already. */
export const settle = async (
  { trx, caller, locked }: Session,
  before: Raise.Raise,
  verdict: "Approve" | "Decline" | "Expire"
): Promise<Result.Result<Raise.Raise, Refused>> => {
  const { at } = locked
  const decided = Raise.decide(before, { _tag: verdict, by: caller.actor, at })
  if (Result.isFailure(decided)) return Result.fail(refused(decided.failure))
  const raise = decided.success.reduce<Raise.State>(Raise.evolve, before) ?? before
  if (decided.success.length === 0) return Result.succeed(raise)
  await Raises.update(trx, caller.organization, raise)
  locked.record({ client: raise.client, kind: `raise.${raise.status}`, payload: RaiseLog.told(raise) })
  return raise.status === "approved" ? raiseCap({ locked }, raise) : Result.succeed(raise)
}

/** A cap that has been raised further meanwhile stays as it is. */
const raiseCap = async (
  { locked }: Pick<Session, "locked">,
  raise: Raise.Raise
): Promise<Result.Result<Raise.Raise, Refused>> => {
  const { counters } = await locked.branch(raise.client)
  const before = counters.find(({ cap: { id } }) => id === raise.cap)?.cap
  if (before === undefined) return Result.fail({ _tag: "NotFound", what: "cap", id: raise.cap })
  const cap = { ...before, limit: Raise.limitAfter(raise, before.limit) }
  if (cap.limit === before.limit) return Result.succeed(raise)
  const decided = await locked.decide(raise.client, { _tag: "SetCap", cap, at: locked.at })
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  const payload = { before: CapLog.told(before), after: CapLog.told(cap), raise: raise.id }
  locked.record({ client: raise.client, kind: "cap.set", payload })
  return Result.succeed(raise)
}

/** What is pending of a cap that ends can come to nothing any more. */
export const settlePending = async (session: Session, { id }: Pick<SpendingCap.State, "id">): Promise<void> => {
  const pending = await Raises.pendingOf(session.trx, session.caller.organization, id)
  if (pending === undefined) return
  const isOver = Raise.statusAt(pending, session.locked.at) === "expired"
  await settle(session, pending, isOver ? "Expire" : "Decline")
}

const refused = (refusal: Raise.Refusal): Failure => {
  switch (refusal._tag) {
    case "NotHigher":
      return {
        _tag: "NotAdmissible",
        reason: "raise_not_higher",
        message: "A raise asks for more than the present limit: give a higher one, or lower the cap with caps.set.",
        field: "limit"
      }
    case "AlreadySettled":
      return {
        _tag: "NotAdmissible",
        reason: "raise_settled",
        message: `The raise is ${refusal.status}, for good: ask for another with raises.request.`
      }
    case "NotRequested":
      return { _tag: "NotAdmissible", reason: "not_admissible", message: "Nobody has asked for this raise." }
  }
}
export { refused as ofRefusal }
