/**
 * Takes back credits that were granted: what is unspent of them; what was spent is forgiven, or owed and paid by the next
 * grant. In parts or whole, no more than was granted.
 */
import type { Credits, Id } from "@capstan/domain"
import { type Caller, Database, Entries, Key, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, fromAbove, type Refused } from "../Doors.ts"
import { takeBack, takenBy } from "../payments/TakeBack.ts"

export interface Input {
  readonly entry: { readonly payer: Id.Id; readonly seq: number }
  /** Null for all that is left of it. */
  readonly amount: Credits.Credits | null
  readonly spent: "forgive" | "owe"
  readonly reason: string | null
}

export const revokeGrant = Effect.fnUntraced(function* (
  caller: Caller,
  { entry: { payer, seq }, amount, spent, reason }: Input
): Effect.fn.Return<Trees.Posted, Refused, Trees.Trees | Database.Database> {
  const { organization, key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const { db } = yield* Database.Database
  const entry = yield* Effect.promise(() => Entries.find(db, organization, payer, seq))
  const notFound = { _tag: "NotFound", what: "entry", id: `${payer}.${seq}` } as const
  if (entry === undefined) return yield* Effect.fail(notFound)
  const { client } = entry
  const hash = Key.hash("credits.revokeGrant", { payer, seq, amount, spent, reason })
  const names = client === payer ? [client] : [client, payer]
  const revoked = change<Trees.Posted>(caller, names, async (trx, locked) => {
    const bound = fromAbove(caller, names)
    if (bound !== undefined) return Result.fail(bound)
    const asked = { entry, amount, spent, key: { namespace: "caller", key, hash } } as const
    const taken = await takeBack({ trx, caller, locked }, asked)
    if (Result.isFailure(taken)) return Result.fail(taken.failure)
    const { replayed, entry: posted } = taken.success
    if (posted === null) return Result.fail({ _tag: "NotReversible", reversible: 0n })
    const payload = { payer, grant: seq, seq: posted.seq, reason, ...takenBy(posted) }
    if (!replayed) locked.record({ client, kind: "credits.revoked", payload })
    return Result.succeed({ _tag: "Posted", replayed, entry: posted })
  })
  // A client out of reach is not told of: what was asked for is an entry.
  return yield* Effect.mapError(revoked, (refused) => (refused._tag === "NotFound" ? notFound : refused))
})
