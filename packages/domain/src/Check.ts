/**
 * Whether a debit would succeed now, what it could take, and what would stop it: the room under each cap that counts it, in
 * money and in credits, and the one that binds. Nothing is promised to any later debit.
 */
import { Result } from "effect"
import type * as Credits from "./Credits.ts"
import type { Instant } from "./Instant.ts"
import type * as SpendingCap from "./SpendingCap.ts"
import * as Tree from "./Tree.ts"

export interface Asked {
  readonly amount: Credits.Credits
  readonly feature: string | null
  readonly member: string | null
  readonly meter: string | null
  readonly at: Instant
}

/** A cap that counts such a debit, and how many credits it alone would let through; null where it only tells. */
export interface Room {
  readonly counter: SpendingCap.Counter
  readonly available: Credits.Credits | null
}

export interface Answer {
  /** Null where it would succeed. */
  readonly refusal: Tree.Refusal | null
  /** The most that a debit could take now. */
  readonly available: Credits.Credits
  readonly rooms: ReadonlyArray<Room>
  /** The cap that refuses it, or would refuse one more than is available; null where none would. */
  readonly binding: SpendingCap.Counter | null
}

export const of = (branch: Tree.Branch, asked: Asked): Answer => {
  const { counters, available } = Tree.headroom(branch, asked)
  const refusal = refusalOf(branch, asked)
  const bound =
    refusal?._tag === "SpendingCapReached" ? refusal : refusalOf(branch, { ...asked, amount: available + 1n })
  const cap = bound?._tag === "SpendingCapReached" ? bound.cap : null
  return {
    refusal,
    available,
    rooms: counters.map((counter) => ({
      counter,
      available: counter.cap.enforcement === "hard" ? Tree.availableUnder(branch, asked, counter) : null
    })),
    binding: counters.find(({ cap: { id } }) => id === cap) ?? null
  }
}

const refusalOf = (branch: Tree.Branch, asked: Asked): Tree.Refusal | null => {
  const decided = Tree.decide(branch, { _tag: "Debit", allowPartial: false, ...asked })
  return Result.isFailure(decided) ? decided.failure : null
}
