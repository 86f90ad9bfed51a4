/** Sets credits aside, to be captured or released. They come back by themselves when the hold ends. */
import type { Credits } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly amount: Credits.Credits
  readonly feature: string | null
  readonly allowPartial: boolean
  /** Milliseconds. */
  readonly expiresIn: number
}

export const reserveCredits = (caller: Caller, { client, ...hold }: Input) => {
  const { amount, feature, allowPartial, expiresIn } = hold
  const hash = Key.hash("credits.reserve", { amount, feature, allowPartial, expiresIn })
  return post(caller, { _tag: "Reserve", client, ...hold, atEnd: "release", hash })
}
