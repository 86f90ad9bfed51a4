/**
 * Approves or declines a raise, by token or by its signed link. What is settled so already is answered as it is, and
 * changes nothing.
 */
import type { Id, Instant } from "@capstan/domain"
import { type Caller, CommandKeys, Database, type Failure, Key, Raises, RaiseView, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { mayConsent } from "../caps/Consent.ts"
import { change, type Refused } from "../Doors.ts"
import { settle } from "./Settle.ts"

type Verdict = "Approve" | "Decline"

export const approveRaise = (caller: Caller, raise: Id.Id) => decideRaise(caller, raise, "Approve", "token")

export const declineRaise = (caller: Caller, raise: Id.Id) => decideRaise(caller, raise, "Decline", "token")

/** Whoever has the link may. */
export const decideByLink = (organization: Id.Id, raise: Id.Id, verdict: Verdict, now: Instant.Instant) =>
  decideRaise(linked(organization, raise, now), raise, verdict, "link")

export const linked = (organization: Id.Id, raise: Id.Id, now: Instant.Instant): Caller => ({
  organization,
  reach: null,
  actor: `link:${raise}`,
  scopes: new Set(),
  now,
  key: null,
  ifMatch: null
})

const decideRaise = Effect.fnUntraced(function* (
  caller: Caller,
  id: Id.Id,
  verdict: Verdict,
  by: "link" | "token"
): Effect.fn.Return<RaiseView.View, Refused, Database.Database | Trees.Trees> {
  const { organization } = caller
  const { db } = yield* Database.Database
  const seen = yield* Effect.flatMap(
    Effect.promise(() => RaiseView.get(db, caller, id, caller.now)),
    Effect.fromResult
  )
  const procedure = `raises.${verdict.toLowerCase()}`
  return yield* change(caller, [seen.client], (trx, locked) =>
    CommandKeys.once<RaiseView.View, Refused>(
      trx,
      { ...caller, procedure, hash: Key.hash(procedure, [id]) },
      async () => {
        // Who pays may have changed until the tree was locked.
        const present = await RaiseView.get(trx, caller, id, locked.at)
        if (Result.isFailure(present)) return Result.fail(present.failure)
        const { consent } = present.success
        if (by === "token" && !mayConsent(caller, consent, present.success)) return Result.fail(notYours(consent))
        const raise = await Raises.find(trx, organization, id)
        if (raise === undefined) return Result.fail({ _tag: "NotFound", what: "raise", id } as const)
        const settled = await settle({ trx, caller, locked }, raise, verdict)
        if (Result.isFailure(settled)) return Result.fail(settled.failure)
        return RaiseView.get(trx, caller, id, locked.at)
      },
      () => seen.client
    )
  )
})

const notYours = (consent: RaiseView.View["consent"]): Failure => ({
  _tag: "NotAdmissible",
  reason: "raise_needs_consent",
  message:
    consent === "payer"
      ? "Whoever pays for this client decides on it: use a token that is confined to the payer or to a client above it, or the signed link."
      : "It is decided on from above the client: use a token of its parent or of the organization."
})
