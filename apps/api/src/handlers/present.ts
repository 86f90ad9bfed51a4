/** What the ledger gate answers, as the contract says it. */
import { Credits } from "@capstan/contract"
import type { Trees } from "@capstan/store"

type Posted = Pick<Trees.Posted, "entry" | "replayed">

export const entry = ({
  payer,
  seq,
  client,
  asked,
  amount,
  balance,
  hold,
  at,
  effectiveAt,
  event,
  counts
}: Trees.Entry) => ({
  id: { payer, seq },
  client,
  payer,
  kind: Credits.kinds[event._tag],
  asked,
  amount,
  balance,
  hold,
  at,
  effectiveAt,
  detail: event,
  counts
})

export const receipt = (posted: Posted) => ({ entry: entry(posted.entry), replayed: posted.replayed })

/** What a hold sets aside. */
export const holdReceipt = (posted: Posted) => {
  const { client, payer, hold, event } = posted.entry
  if (event._tag !== "Reserved" || hold === null) throw new Error("A hold has left no entry of its own")
  return { hold: { id: hold, client, payer, amount: event.amount, expiresAt: event.expiresAt }, ...receipt(posted) }
}
