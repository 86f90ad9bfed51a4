/**
 * Settles a lease with what was spent of it, then leases anew for the same client: first the one, then the other, so that
 * what goes back can be leased again. Where the new slice is refused, the old lease stays settled, and the refusal says so.
 *
 * Each is posted once for a key, the settlement in a namespace of its own: a retry goes on where the first try ended.
 */
import type { Id } from "@capstan/domain"
import { type Caller, Key, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { post, type Refused } from "../Doors.ts"
import type { Input as Slice } from "./ReserveCredits.ts"
import type { Input as Settled } from "./SettleLease.ts"

export type Input = Settled & Omit<Slice, "client">

/** The lease before is settled all the same. */
export interface NotRenewed {
  readonly _tag: "NotRenewed"
  readonly settled: { readonly payer: Id.Id; readonly seq: number }
  readonly refusal: Refused
}

export interface Renewed {
  readonly settled: Trees.Posted
  readonly leased: Trees.Posted
}

export const renewLease = Effect.fnUntraced(function* (
  caller: Caller,
  { lease, spent, ...slice }: Input
): Effect.fn.Return<Renewed, NotRenewed | Refused, Trees.Trees> {
  const { amount, feature, member, meter, allowPartial, expiresIn } = slice
  const spender = { member: member ?? undefined, meter: meter ?? undefined }
  const payload = { lease, spent, amount, feature, ...spender, allowPartial, expiresIn }
  const hash = Key.hash("credits.renewLease", payload)
  const settled = yield* post(caller, { _tag: "Settle", hold: lease, amount: spent, namespace: "lease", hash })
  const { client, payer, seq } = settled.entry
  const leased = yield* Effect.result(post(caller, { _tag: "Reserve", client, ...slice, atEnd: "capture", hash }))
  return Result.isSuccess(leased)
    ? { settled, leased: leased.success }
    : yield* Effect.fail({ _tag: "NotRenewed", settled: { payer, seq }, refusal: leased.failure } as const)
})
