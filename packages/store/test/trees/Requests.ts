/** What gates are asked for, spelled out. */
import type { Credits } from "@capstan/domain"
import * as Key from "../../src/Key.ts"
import type * as Trees from "../../src/Trees.ts"

const minute = 60_000

type Of<Tag extends Trees.Request["_tag"]> = Extract<Trees.Request, { readonly _tag: Tag }>

export const debit = (client: string, amount: Credits.Credits, more: Partial<Of<"Debit">> = {}): Of<"Debit"> => ({
  _tag: "Debit",
  client,
  amount,
  feature: null,
  allowPartial: false,
  effectiveAt: null,
  hash: Key.hash("debit", { client, amount }),
  ...more
})

export const reserve = (client: string, amount: Credits.Credits, expiresIn: number = minute): Of<"Reserve"> => ({
  _tag: "Reserve",
  client,
  amount,
  feature: null,
  allowPartial: false,
  expiresIn,
  atEnd: "release",
  hash: Key.hash("reserve", { client, amount, expiresIn })
})

export const lease = (client: string, amount: Credits.Credits, expiresIn: number = minute): Of<"Reserve"> => ({
  ...reserve(client, amount, expiresIn),
  atEnd: "capture",
  hash: Key.hash("lease", { client, amount, expiresIn })
})

export const settle = (
  hold: string,
  amount: Credits.Credits,
  namespace: Of<"Settle">["namespace"] = "caller"
): Of<"Settle"> => ({ _tag: "Settle", hold, amount, namespace, hash: Key.hash("settle", { hold, amount }) })

export const capture = (hold: string, amount: Credits.Credits | null = null): Of<"Capture"> => ({
  _tag: "Capture",
  hold,
  amount,
  feature: null,
  allowPartial: false,
  hash: Key.hash("capture", { hold, amount })
})

export const release = (hold: string): Of<"Release"> => ({ _tag: "Release", hold, hash: Key.hash("release", { hold }) })

export const check = (client: string, amount: Credits.Credits): Of<"Check"> => ({
  _tag: "Check",
  client,
  amount,
  feature: null
})
