/** Spends what a hold has set aside, also of a client that has been suspended since. The rest goes back; more is a debit now. */
import type { Credits, Id } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export interface Input {
  readonly hold: Id.Id
  /** Null for all that is held. */
  readonly amount: Credits.Credits | null
  readonly feature: string | null
  /** Who spends what is beyond the hold, and on which meter: as the hold said, unless said. */
  readonly member?: string | null | undefined
  readonly meter?: string | null | undefined
  readonly allowPartial: boolean
}

export const captureHold = (caller: Caller, { hold, amount, feature, member, meter, allowPartial }: Input) => {
  const spender = { member: member ?? undefined, meter: meter ?? undefined }
  const hash = Key.hash("credits.capture", { hold, amount, feature, ...spender, allowPartial })
  return post(caller, { _tag: "Capture", hold, amount, feature, ...spender, allowPartial, hash })
}
