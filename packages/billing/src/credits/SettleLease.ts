/** Captures what was spent of a lease, also where that is nothing. The rest goes back. */
import type { Credits, Id } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export interface Input {
  readonly lease: Id.Id
  readonly spent: Credits.Credits
}

export const settleLease = (caller: Caller, { lease, spent }: Input) => {
  const hash = Key.hash("credits.settleLease", { lease, spent })
  return post(caller, { _tag: "Settle", hold: lease, amount: spent, namespace: "caller", hash })
}
