/** Whose sessions a caller sees: a member its own, an OWNER or ADMIN all of its clients'; operators' only by their scope. */
import type { Caller, Sessions } from "@capstan/store"

export const visibleTo = ({ organization, reach, person, scopes }: Caller): Sessions.Seen => {
  const seesAll =
    person === undefined || person.kind === "operator" || person.role === "OWNER" || person.role === "ADMIN"
  return {
    organization,
    reach,
    person: seesAll ? null : { member: person.id },
    operators: reach === null && scopes.has("operators:read")
  }
}
