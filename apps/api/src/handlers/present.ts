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
  member,
  meter,
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
  member,
  meter,
  at,
  effectiveAt,
  detail: event,
  counts
})

export const receipt = (posted: Posted) => ({ entry: entry(posted.entry), replayed: posted.replayed })

/** What a hold sets aside. */
export const holdReceipt = (posted: Posted) => {
  const { client, payer } = posted.entry
  const { hold, amount, expiresAt } = opened(posted)
  return { hold: { id: hold, client, payer, amount, expiresAt }, ...receipt(posted) }
}

/** What a lease sets aside, and for how long. */
export const leaseReceipt = (posted: Posted) => {
  const { client, at } = posted.entry
  const { hold, amount, expiresAt } = opened(posted)
  return { lease: { id: hold, client, amount, expiresInMs: expiresAt - at, expiresAt }, ...receipt(posted) }
}

const opened = ({ entry: { event } }: Posted) => {
  if (event._tag !== "Reserved") throw new Error("A hold has left no entry of its own")
  return event
}
