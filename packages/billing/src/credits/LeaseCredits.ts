/**
 * Sets credits aside for a process that spends them by itself. They count in every cap from now on; where nobody settles
 * the lease before its end, they are taken for spent.
 */
import { type Caller, Key } from "@capstan/store"
import { post } from "../Doors.ts"
import type { Input } from "./ReserveCredits.ts"

export const leaseCredits = (caller: Caller, { client, ...slice }: Input) => {
  const { amount, feature, member, meter, allowPartial, expiresIn } = slice
  const spender = { member: member ?? undefined, meter: meter ?? undefined }
  const hash = Key.hash("credits.lease", { amount, feature, ...spender, allowPartial, expiresIn })
  return post(caller, { _tag: "Reserve", client, ...slice, atEnd: "capture", hash })
}
