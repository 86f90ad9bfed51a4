/**
 * Leases: slices of credits that a process spends by itself, without asking.
 *
 * A lease counts in every cap like a hold. It is settled with what was spent of it; where nobody does so in time, all of it
 * is taken for spent, since it may have been. `credits.capture` and `credits.release` do not take a lease, nor does
 * `credits.settleLease` take another hold: only its holder knows what was spent.
 */
import { Credits, Id } from "@capstan/domain"
import { Schema } from "effect"
import { allowPartial, Entry, feature, Receipt, spender } from "./Credits.ts"
import { mutation } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

/** A crash costs no more than what a process may spend in so many seconds. */
export const longest = 60

export const Lease = Schema.Struct({
  id: Id.Id,
  client: Id.Id,
  amount: Wire.decimal("What may be spent of it; less than asked where a part was taken."),
  expiresInMs: Schema.Natural.annotate({
    description: "How long it lasts, from when it was decided: count from before the request was sent, to be safe."
  }),
  expiresAt: Wire.instant("When it is captured whole, unless it is settled before.")
}).annotate({ identifier: "Lease" })
export interface Lease extends Schema.Schema.Type<typeof Lease> {}

export const LeaseReceipt = Schema.Struct({ lease: Lease, ...Receipt.fields }).annotate({
  identifier: "LeaseReceipt"
})
export const Renewal = Schema.Struct({
  settled: Entry.annotate({ description: "By which the lease before was settled." }),
  ...LeaseReceipt.fields
}).annotate({ identifier: "LeaseRenewal" })

const seconds = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: longest }, { message: `must be from 1 to ${longest} seconds` })
).annotate({ description: "How long it lasts, at most a minute." })
const spent = Wire.described(Credits.Amount, "What was spent of the lease; the rest goes back.")
const slice = { amount: Credits.Positive, seconds, feature, ...spender, allowPartial }
const { idempotencyKey } = Wire

const leasing = [
  "insufficient_credits",
  "spending_cap_reached",
  "resource_not_found",
  "idempotency_conflict",
  "not_admissible"
] as const

export const procedures = {
  lease: mutation({
    rest: "POST /v1/clients/{client}/credits/leases",
    summary: "Lease credits, to be spent by a process without asking; what it does not settle in time counts as spent",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({ client: Wire.ClientRef, ...slice, idempotencyKey }),
    output: LeaseReceipt,
    refuses: leasing
  }),
  renewLease: mutation({
    rest: "POST /v1/leases/{lease}/renew",
    summary:
      "Settle a lease with what was spent of it, then lease anew; where that is refused, the old one is settled still",
    scope: "credits:write",
    idempotency: "required",
    status: 201,
    input: Schema.Struct({ lease: Id.Id, spent, ...slice, idempotencyKey }),
    output: Renewal,
    refuses: leasing
  }),
  settleLease: mutation({
    rest: "POST /v1/leases/{lease}/settle",
    summary: "Settle a lease with what was spent of it; the rest goes back",
    scope: "credits:write",
    idempotency: "required",
    input: Schema.Struct({ lease: Id.Id, spent, idempotencyKey }),
    output: Receipt,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
