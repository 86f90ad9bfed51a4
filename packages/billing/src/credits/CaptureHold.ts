/** Spends what a hold has set aside, also of a client that has been suspended since. The rest goes back; more is a debit now. */
import type { Credits, Id } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export interface Input {
  readonly hold: Id.Id
  /** Null for all that is held. */
  readonly amount: Credits.Credits | null
  readonly feature: string | null
  readonly allowPartial: boolean
}

export const captureHold = (caller: Caller, { hold, amount, feature, allowPartial }: Input) => {
  const hash = Key.hash("credits.capture", { hold, amount, feature, allowPartial })
  return post(caller, { _tag: "Capture", hold, amount, feature, allowPartial, hash })
}
