/** Invites a person to run the organization, by a mail that leads to its signed page. Again, the invitation is renewed. */
import { Instant, type Role } from "@capstan/domain"
import { type Caller, Ids } from "@capstan/store"
import { refusedAddress } from "../people/Admitted.ts"
import { changeCrew } from "./Crew.ts"

export interface Input {
  readonly email: string
  readonly name: string | null
  readonly role: Role.Operator
}

export const inviteOperator = (caller: Caller, input: Input) =>
  changeCrew(caller, {
    procedure: "operators.invite",
    payload: input,
    operator: null,
    kind: "operator.invited",
    command: (at, { invitationExpiresAfterHours }) => {
      const expiresAt = at + invitationExpiresAfterHours * Instant.hour
      return { _tag: "Invite", id: Ids.mint(), ...input, expiresAt }
    },
    barred: (settings) => refusedAddress(settings, input.email)
  })
