/**
 * Takes back what an entry granted: what is unspent of its lot; of the rest, what lapsed is gone, and what was spent is owed
 * or forgiven.
 */
import { type Credits, type Id, Wallet } from "@capstan/domain"
import { Entries, type Key, type PaymentReversals, type Trees } from "@capstan/store"
import { Result } from "effect"
import type { Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"

export interface Asked {
  readonly entry: Trees.Entry
  /** Null for all that is left of it; more than that is not taken. */
  readonly amount: Credits.Credits | null
  readonly spent: "forgive" | "owe"
  readonly key: Key.Key
}

/** The entry that it left. Both its client and whose wallet it is about were named when the door was opened. */
export const takeBack = async (
  session: Session,
  { entry, amount, spent, key }: Asked
): Promise<Result.Result<{ readonly replayed: boolean; readonly entry: Trees.Entry | null }, Refused>> => {
  const { trx, caller, locked } = session
  const { client, payer, seq, event } = entry
  const { at } = locked
  if (event._tag !== "Granted") return Result.fail({ _tag: "NotReversible", reversible: 0n })
  const incoming = await Entries.incoming(trx, caller.organization, payer)
  const { lot } = event
  const grant = { seq, lot: lot.id, amount: event.amount, revoked: revokedOf(incoming, [seq]) }
  const lapsed = await lapsedOf(session, payer, lot, incoming)
  const command = { _tag: "Revoke", grant, amount, lapsed, spent, at } as const
  // It may draw on another wallet by now: these credits are where they went.
  const isPresent = (await locked.branch(client)).payer === payer
  return locked.post(client, command, key, amount, isPresent ? undefined : payer)
}

/** How many credits of some grants were taken back. */
export const revokedOf = (incoming: ReadonlyArray<Trees.Entry>, grants: ReadonlyArray<number>): Credits.Credits => {
  let sum = 0n
  for (const { event } of incoming)
    if (event._tag === "Revoked" && event.grant !== null && grants.includes(event.grant)) sum += event.amount
  return sum
}

/** What has lapsed of a lot, less what earlier revocations of its grants have said so. */
const lapsedOf = async (
  { trx, caller, locked }: Session,
  payer: Id.Id,
  { id, expiresAt: end }: Wallet.Lot,
  incoming: ReadonlyArray<Trees.Entry>
): Promise<Credits.Credits> => {
  if (end === null || end > locked.at) return 0n
  const entries = await Entries.lapses(trx, caller.organization, payer, id, end)
  const grants = incoming.flatMap(({ seq, event }) => (event._tag === "Granted" && event.lot.id === id ? [seq] : []))
  let said = 0n
  for (const { event } of incoming)
    if (event._tag === "Revoked" && event.grant !== null && grants.includes(event.grant)) said += event.forgiven
  const lapsed = Wallet.lapsedOf(
    id,
    entries.map(({ event }) => event)
  )
  return lapsed > said ? lapsed - said : 0n
}

/** What an entry took back. */
export const takenBy = ({ event }: Trees.Entry): PaymentReversals.Taken => {
  if (event._tag !== "Revoked") return { credits: 0n, taken: 0n, owed: 0n, forgiven: 0n }
  const { amount: credits, owed, forgiven } = event
  return { credits, owed, forgiven, taken: credits - owed - forgiven }
}
