/**
 * Sets a balance right, by hand and with a reason: up, as promo credits that never end; down, out of the lots in burn order,
 * all of it or nothing.
 */
import type { Credits, Wallet } from "@capstan/domain"
import { type Caller, Ids, Key, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, drawing, fromAbove, type Refused } from "../Doors.ts"

export interface Input {
  readonly client: string
  /** Of either sign, and not nothing. */
  readonly amount: Credits.Credits
  readonly reason: string
}

export const adjustCredits = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name, amount, reason }: Input
): Effect.fn.Return<Trees.Posted, Refused, Trees.Trees> {
  const { key: named } = caller
  if (named === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const key = { namespace: "caller", key: named, hash: Key.hash("credits.adjust", { amount, reason }) } as const
  return yield* change<Trees.Posted>(caller, [name], async (_, locked) => {
    const { at } = locked
    const branch = await locked.branch(name)
    const bound = fromAbove(caller, drawing(branch))
    if (bound !== undefined) return Result.fail(bound)
    const lot: Wallet.Lot = {
      id: Ids.mint(),
      kind: "promo",
      left: amount,
      held: 0n,
      priority: 0,
      effectiveAt: at,
      expiresAt: null,
      unitCost: branch.terms.creditValue,
      source: "adjustment",
      allowance: false,
      outlives: null,
      features: null
    }
    const posted = await locked.post(
      name,
      amount > 0n ? { _tag: "Grant", lot, at } : { _tag: "Withdraw", amount: -amount, at },
      key,
      amount
    )
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
    const { replayed, entry } = posted.success
    if (entry === null) return Result.fail({ _tag: "OutOfRange", message: "amount must not be 0." })
    const [{ id, lifecycle }] = branch.line
    if (!replayed && amount > 0n && lifecycle.closedAt !== null)
      return Result.fail({ _tag: "ClientClosed", client: id, at: lifecycle.closedAt })
    const payload = { payer: entry.payer, seq: entry.seq, amount, reason }
    if (!replayed) locked.record({ client: locked.client(name), kind: "credits.adjusted", payload })
    return Result.succeed({ _tag: "Posted", replayed, entry })
  })
})
