/** A caller with no more scopes than it may give to others: of a person, those of its role. */
import { Roles } from "@capstan/contract"
import type { Caller } from "@capstan/store"

export const giving = (caller: Caller): Caller => {
  const { person, scopes } = caller
  if (person === undefined) return caller
  return { ...caller, scopes: new Set(Roles.givable(person).filter((scope) => scopes.has(scope))) }
}
