/** Spends credits: all that is asked, or none; with `allowPartial`, what there is. */
import type { Credits, Instant } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly amount: Credits.Credits
  readonly feature: string | null
  /** Who spends, and on which meter, where that is said: there may be caps that count nothing else. */
  readonly member?: string | null | undefined
  readonly meter?: string | null | undefined
  readonly allowPartial: boolean
  /** When the use took place, where that is not now; it counts when it is decided. */
  readonly effectiveAt: Instant.Instant | null
}

export const consumeCredits = (caller: Caller, { client, ...spend }: Input) => {
  const { amount, feature, member, meter, allowPartial, effectiveAt } = spend
  const spender = { member: member ?? undefined, meter: meter ?? undefined }
  const hash = Key.hash("credits.consume", { amount, feature, ...spender, allowPartial, effectiveAt })
  return post(caller, { _tag: "Debit", client, ...spend, hash })
}
