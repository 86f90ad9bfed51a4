/** What a token may be allowed to do. To write a thing is to read it, too. */
import { Schema } from "effect"

const groups = [
  "accessTokens",
  "billing",
  "clients",
  "credits",
  "events",
  "members",
  "operators",
  "orders",
  "organization",
  "payments",
  "products",
  "spending",
  "subscriptions"
] as const
type Group = (typeof groups)[number]

export type Scope = `${Group}:${"read" | "write"}`

export const all: ReadonlyArray<Scope> = groups.flatMap((group) => [
  `${group}:read` as const,
  `${group}:write` as const
])

export const Scope = Schema.Literals(all).annotate({
  identifier: "Scope",
  description: "A capability: `<group>:read` or `<group>:write`. Write implies read."
})
