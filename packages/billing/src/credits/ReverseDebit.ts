/**
 * Gives a debit back, whole or in part, to the lots that it came from, and takes it from the cap windows that counted it,
 * wherever they are now: also to the wallet of a former payer, and from windows of clients that it has moved away from.
 * The share of lots that have ended goes to a new one, or lapses, as the organization has settled.
 */
import { Credits, type Id, Tree, Wallet } from "@capstan/domain"
import {
  type Caller,
  Clients,
  Database,
  Entries,
  Holds,
  Ids,
  Key,
  Moves,
  Organizations,
  type Trees
} from "@capstan/store"
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
  const notFound = { _tag: "NotFound", what: "entry", id: `${payer}.${seq}` } as const
  const taken = yield* Effect.promise(() => takenBy(db, organization, payer, seq))
  if (taken === undefined) return yield* Effect.fail(notFound)
  const { entry, twin, caps } = taken
  const owners = yield* Effect.promise(() => Moves.ownersOf(db, organization, caps))
  const { client } = entry
  const concerned = [...new Set([client, payer, ...(twin === undefined ? [] : [twin.payer]), ...owners.values()])]
  const hash = Key.hash("credits.reverse", { payer, seq, amount })
  // Who paid and who counted may be out of reach by now: it is the client's own debit.
  return yield* change<Trees.Posted>({ ...caller, reach: null }, concerned, async (trx, locked) => {
    if ((await Clients.find(trx, caller, client)) === undefined) return Result.fail(notFound)
    for (const name of concerned) await locked.branch(name)
    // A half whose time is over has been settled by this.
    if (twin !== undefined) await locked.flush()
    const other = twin === undefined ? undefined : await settlementOf(trx, organization, twin)
    if (other !== undefined && !concerned.includes(other.payer))
      return Result.fail({ _tag: "Unavailable", reason: "overloaded", retryAfterMs: 100 })
    const { settings } = await Organizations.get(trx, organization)
    const after = settings.reversedAfterEnd
    const giveBack = async (debited: Trees.Entry, amount: Credits.Credits | null, key: Key.Key) => {
      const incoming = await Entries.incoming(trx, organization, debited.payer)
      const debit = debitOf(debited, incoming)
      const { at } = locked
      const ends =
        after === "lapse"
          ? { expiresAt: null, lapses: true }
          : { expiresAt: at + after.regrantForDays * day, lapses: false }
      const regrant = { lot: Ids.mint(), ...ends }
      const origins = Wallet.origins(incoming.map(({ event }) => event))
      const command: Tree.Command = { _tag: "Reverse", debit, amount, origins, regrant, at }
      const posted = await locked.post(client, command, key, amount, debited.payer)
      return Result.map(posted, (posted) => ({ ...posted, before: debit.reversed }))
    }

    const posted = await giveBack(entry, amount, { namespace: "caller", key, hash })
    if (Result.isFailure(posted)) return Result.fail(posted.failure)
    const { before, replayed, entry: reversal } = posted.success
    if (reversal === null) return Result.fail({ _tag: "NotReversible", reversible: 0n })
    if (replayed) return Result.succeed({ _tag: "Posted", replayed, entry: reversal })
    if (other !== undefined) {
      // What was not held is given back first, and the other half has none of it.
      const beyond = entry.amount - other.amount
      const share = Credits.max(before + reversal.amount - beyond, 0n) - Credits.max(before - beyond, 0n)
      const derived = { namespace: "twin", key: `${payer}.${reversal.seq}`, hash: null } as const
      const alike = share > 0n ? await giveBack(other, share, derived) : undefined
      if (alike !== undefined && Result.isFailure(alike)) return Result.fail(alike.failure)
    }
    const payload = { payer, debit: seq, seq: reversal.seq, amount: reversal.amount }
    locked.record({ client, kind: "credits.reversed", payload })
    return Result.succeed({ _tag: "Posted", replayed, entry: reversal })
  })
})

interface Taken {
  readonly entry: Trees.Entry
  /** The other half of its hold, where a move had cut that. */
  readonly twin: Holds.Hold | undefined
  /** That counted it. */
  readonly caps: ReadonlyArray<Id.Id>
}

const takenBy = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  payer: Id.Id,
  seq: number
): Promise<Taken | undefined> => {
  const entry = await Entries.find(db, organization, payer, seq)
  const hold = entry?.hold == null ? undefined : await Holds.find(db, organization, entry.hold)
  // Of a hold that was cut, the main half stands for both.
  if (entry === undefined || (hold !== undefined && hold.cutBy !== null)) return undefined
  const twin = hold?.twin == null ? undefined : await Holds.find(db, organization, hold.twin)
  const counted = [...entry.counts, ...(twin?.places ?? [])]
  return { entry, twin, caps: [...new Set(counted.map(({ cap }) => cap))] }
}

/** The entry of a half: settled like the other, or by its end. */
const settlementOf = async (
  trx: Database.Trx,
  organization: Id.Id,
  { id, client }: Holds.Hold
): Promise<Trees.Entry | undefined> =>
  (await Entries.ofKey(trx, organization, client, "twin", id)) ??
  (await Entries.ofKey(trx, organization, client, "lapse", id))

/** What an entry took, and how much of it came back already. What took nothing has nothing to give. */
const debitOf = ({ seq, event, counts }: Trees.Entry, incoming: ReadonlyArray<Trees.Entry>): Tree.Debit => {
  let reversed = 0n
  for (const { event } of incoming) if (event._tag === "Reversed" && event.debit === seq) reversed += event.amount
  const rest = { seq, counts: counts.filter(({ used }) => used > 0n), reversed }
  return Tree.debitOf(event, rest) ?? { ...rest, portions: [] }
}
