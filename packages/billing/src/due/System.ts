/** The caller of what nobody asked for: it came due, or an event asked for it. */
import type { Id, Instant } from "@capstan/domain"
import type { Caller } from "@capstan/store"

export const system = (organization: Id.Id, now: Instant.Instant): Caller => ({
  organization,
  reach: null,
  actor: "system:worker",
  scopes: new Set(),
  now,
  key: null,
  ifMatch: null
})
