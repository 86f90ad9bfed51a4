/** Accepts an invitation to run an organization: by its signed link, so whoever has it may. Again, it changes nothing. */
import type { Id } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { changeCrew } from "./Crew.ts"

export const acceptOperator = (caller: Caller, operator: Id.Id, name: string | null) =>
  changeCrew(caller, {
    procedure: "operators.accept",
    payload: name,
    operator,
    kind: "operator.accepted",
    command: (at) => ({ _tag: "Accept", id: operator, name, at })
  })
