/** Changes an operator's name or role. The role holds from their very next request on. */
import type { Id, Role } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { changeCrew } from "./Crew.ts"

export interface Input {
  readonly operator: Id.Id
  readonly name?: string | null
  readonly role?: Role.Operator
}

export const updateOperator = (caller: Caller, { operator, ...patch }: Input) =>
  changeCrew(caller, {
    procedure: "operators.update",
    payload: patch,
    operator,
    kind: "operator.updated",
    command: () => ({ _tag: "Change", id: operator, ...patch })
  })
