/** Gives credits to the wallet that a client draws on: promo ones, or ones that were bought. What is owed is paid first. */
import type { Credits, Currency, Instant, Rate, Wallet } from "@capstan/domain"
import { type Caller, Clients, Ids, Key, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, drawing, fromAbove, type Refused } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly kind: Wallet.Kind
  readonly amount: Credits.Credits
  /** Null for at once. */
  readonly effectiveAt: Instant.Instant | null
  /** Null for never. */
  readonly expiresAt: Instant.Instant | null
  readonly priority: number
  /** What was paid for a credit; null for what the plan says a credit is worth. */
  readonly unitCost: { readonly amount: Rate.Rate; readonly currency: Currency.Currency } | null
  readonly source: string
  readonly features: ReadonlyArray<string> | null
}

export const grantCredits = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name, ...input }: Input
): Effect.fn.Return<Trees.Posted, Refused, Trees.Trees> {
  const { key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const { kind, amount, effectiveAt, expiresAt, priority, unitCost, source, features } = input
  const hash = Key.hash("credits.grant", { kind, amount, effectiveAt, expiresAt, priority, unitCost, source, features })
  return yield* change<Trees.Posted>(caller, [name], async (trx, locked) => {
    const client = await Clients.find(trx, caller, name)
    if (client === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: name })
    const { at } = locked
    const branch = await locked.branch(name)
    const bound = fromAbove(caller, drawing(branch))
    if (bound !== undefined) return Result.fail(bound)
    const { closedAt } = client.lifecycle
    const lot: Wallet.Lot = {
      id: Ids.mint(),
      kind,
      left: amount,
      held: 0n,
      priority,
      effectiveAt: effectiveAt ?? at,
      expiresAt,
      unitCost: unitCost?.amount ?? branch.terms.creditValue,
      source,
      allowance: false,
      outlives: null,
      features
    }
    const posted = await locked.post(name, { _tag: "Grant", lot, at }, { namespace: "caller", key, hash }, amount)
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
    const { replayed, entry } = posted.success
    if (entry === null) return Result.fail({ _tag: "OutOfRange", message: "amount must be more than 0." })
    if (replayed) return Result.succeed({ _tag: "Posted", replayed, entry })
    if (closedAt !== null) return Result.fail({ _tag: "ClientClosed", client: client.id, at: closedAt })
    const refused = refusalOf(lot, unitCost?.currency ?? client.currency, client.currency, at)
    if (refused !== undefined) return Result.fail(refused)
    const { payer, seq } = entry
    const payload = { payer, seq, kind, amount, effectiveAt: lot.effectiveAt, expiresAt, source }
    locked.record({ client: client.id, kind: "credits.granted", payload })
    return Result.succeed({ _tag: "Posted", replayed, entry })
  })
})

/** Looked at after the key: a grant that was made stays made, also once it has ended. */
const refusalOf = (
  { effectiveAt, expiresAt }: Wallet.Lot,
  paid: Currency.Currency,
  owned: Currency.Currency,
  at: Instant.Instant
): Refused | undefined => {
  if (paid !== owned)
    return {
      _tag: "NotAdmissible",
      reason: "currency_differs",
      message: `The client's currency is ${owned}: give unitCost in that.`
    }
  return expiresAt !== null && expiresAt <= Math.max(at, effectiveAt)
    ? { _tag: "OutOfRange", message: "expiresAt must be in the future, and after effectiveAt." }
    : undefined
}
