/** Sets credits aside, to be captured or released. They come back by themselves when the hold ends. */
import type { Credits } from "@capstan/domain"
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
  /** Milliseconds. */
  readonly expiresIn: number
}

export const reserveCredits = (caller: Caller, { client, ...hold }: Input) => {
  const { amount, feature, member, meter, allowPartial, expiresIn } = hold
  const spender = { member: member ?? undefined, meter: meter ?? undefined }
  const hash = Key.hash("credits.reserve", { amount, feature, ...spender, allowPartial, expiresIn })
  return post(caller, { _tag: "Reserve", client, ...hold, atEnd: "release", hash })
}
