import { leaseCredits, renewLease, settleLease } from "@capstan/billing"
import type { Leases } from "@capstan/contract"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import * as present from "./present.ts"

export const leases: Handlers.Of<typeof Leases.procedures> = {
  lease: ({ client, amount, seconds, feature = null, member, meter, allowPartial }, caller) =>
    Effect.map(
      leaseCredits(caller, { client, amount, expiresIn: seconds * 1_000, feature, member, meter, allowPartial }),
      present.leaseReceipt
    ),

  renewLease: ({ lease, spent, amount, seconds, feature = null, member, meter, allowPartial }, caller) =>
    Effect.map(
      renewLease(caller, { lease, spent, amount, expiresIn: seconds * 1_000, feature, member, meter, allowPartial }),
      ({ settled, leased }) => ({ settled: present.entry(settled.entry), ...present.leaseReceipt(leased) })
    ),

  settleLease: ({ lease, spent }, caller) => Effect.map(settleLease(caller, { lease, spent }), present.receipt)
}
