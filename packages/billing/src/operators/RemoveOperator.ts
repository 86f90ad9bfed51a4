/** Removes an operator, invited or active. Their sessions end with them. */
import type { Id } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { changeCrew } from "./Crew.ts"

export const removeOperator = (caller: Caller, operator: Id.Id) =>
  changeCrew(caller, {
    procedure: "operators.remove",
    payload: null,
    operator,
    kind: "operator.removed",
    command: () => ({ _tag: "Remove", id: operator })
  })
