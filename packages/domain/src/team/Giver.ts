/**
 * Who may give and take which role.
 *
 * From above a client everything may be given. A person of the client gives and takes what is at most their own: an OWNER
 * everything, an ADMIN all but OWNER, a MANAGER what neither administers nor spends by programs; nobody else anything.
 */
import { Schema } from "effect"
import { Member as Role } from "../Role.ts"

/** The role of whoever asks in this client; `above` where they come from above it. */
export const Giver = Schema.Union([Role, Schema.Literal("above")])
export type Giver = typeof Giver.Type

const gives: { readonly [G in Giver]: ReadonlyArray<Role> } = {
  above: ["OWNER", "ADMIN", "DEVELOPER", "MANAGER", "STAFF"],
  OWNER: ["OWNER", "ADMIN", "DEVELOPER", "MANAGER", "STAFF"],
  ADMIN: ["ADMIN", "DEVELOPER", "MANAGER", "STAFF"],
  MANAGER: ["MANAGER", "STAFF"],
  DEVELOPER: [],
  STAFF: []
}

export const mayGive = (giver: Giver, role: Role): boolean => gives[giver].includes(role)
