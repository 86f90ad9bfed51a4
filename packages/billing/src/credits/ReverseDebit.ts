/**
 * Gives a debit back, whole or in part, to the lots that it came from, and takes it from the cap windows that counted it.
 * The share of lots that have ended goes to a new one, or lapses, as the organization has settled.
 */
import { type Credits, type Id, Tree, Wallet } from "@capstan/domain"
import { type Caller, Database, Entries, Ids, Key, Organizations, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"

export interface Input {
  readonly entry: { readonly payer: Id.Id; readonly seq: number }
  /** Null for all that is left of it. */
  readonly amount: Credits.Credits | null
}

const day = 86_400_000

export const reverseDebit = Effect.fnUntraced(function* (
  caller: Caller,
  { entry: { payer, seq }, amount }: Input
): Effect.fn.Return<Trees.Posted, Refused, Trees.Trees | Database.Database> {
  const { organization, key } = caller
  if (key === null) return yield* Effect.fail({ _tag: "KeyMissing" } as const)
  const { db } = yield* Database.Database
  const entry = yield* Effect.promise(() => Entries.find(db, organization, payer, seq))
  const notFound = { _tag: "NotFound", what: "entry", id: `${payer}.${seq}` } as const
  if (entry === undefined) return yield* Effect.fail(notFound)
  const name = entry.client
  const hash = Key.hash("credits.reverse", { payer, seq, amount })
  const reversed = change<Trees.Posted>(caller, [name], async (trx, locked) => {
    const branch = await locked.branch(name)
    if (branch.payer !== payer)
      return Result.fail({
        _tag: "NotAdmissible",
        reason: "not_reversible",
        message: "The client draws on another wallet now: grant the credits instead."
      })
    const incoming = await Entries.incoming(trx, organization, payer)
    const { at } = locked
    const { settings } = await Organizations.get(trx, organization)
    const after = settings.reversedAfterEnd
    const command: Tree.Command = {
      _tag: "Reverse",
      debit: debitOf(entry, incoming),
      amount,
      origins: Wallet.origins(incoming.map(({ event }) => event)),
      regrant: after === "lapse" ? null : { lot: Ids.mint(), expiresAt: at + after.regrantForDays * day },
      at
    }
    const posted = await locked.post(name, command, { namespace: "caller", key, hash }, amount)
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
    const { replayed, entry: reversal } = posted.success
    if (reversal === null) return Result.fail({ _tag: "NotReversible", reversible: 0n })
    const payload = { payer, debit: seq, seq: reversal.seq, amount: reversal.amount }
    if (!replayed) locked.record({ client: name, kind: "credits.reversed", payload })
    return Result.succeed({ _tag: "Posted", replayed, entry: reversal })
  })
  // A client out of reach is not told of: what was asked for is an entry.
  return yield* Effect.mapError(reversed, (refused) => (refused._tag === "NotFound" ? notFound : refused))
})

/** What an entry took, and how much of it came back already. What took nothing has nothing to give. */
const debitOf = ({ seq, event, counts }: Trees.Entry, incoming: ReadonlyArray<Trees.Entry>): Tree.Debit => {
  let reversed = 0n
  for (const { event } of incoming) if (event._tag === "Reversed" && event.debit === seq) reversed += event.amount
  const rest = { seq, counts: counts.filter(({ used }) => used > 0n), reversed }
  return Tree.debitOf(event, rest) ?? { ...rest, portions: [] }
}
