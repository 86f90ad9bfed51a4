/** Gives back what a hold has set aside. */
import type { Id } from "@capstan/domain"
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"

export const releaseHold = (caller: Caller, { hold }: { readonly hold: Id.Id }) =>
  post(caller, { _tag: "Release", hold, hash: Key.hash("credits.release", { hold }) })
