/**
 * The people who run an organization.
 *
 *   (nobody) --Invite--> invited --Accept--> active --Remove--> (gone)
 *
 * As long as anybody is active, an OWNER is: the first is invited before all others, and the last can neither be removed
 * nor be given another role. Each address is there once, whatever the case of its letters.
 */
import { Result } from "effect"
import type { Id } from "./Id.ts"
import type { Instant } from "./Instant.ts"
import type { Operator as Role } from "./Role.ts"

export interface Person {
  readonly id: Id
  readonly email: string
  readonly name: string | null
  readonly role: Role
  readonly status: "active" | "invited"
  /** Until when the invitation can be accepted. */
  readonly expiresAt: Instant
  readonly acceptedAt: Instant | null
}

export type State = ReadonlyArray<Person>

export type Command =
  /** Of somebody who has been invited already, the invitation is renewed. */
  | {
      readonly _tag: "Invite"
      readonly id: Id
      readonly email: string
      readonly name: string | null
      readonly role: Role
      readonly expiresAt: Instant
    }
  | { readonly _tag: "Accept"; readonly id: Id; readonly name: string | null; readonly at: Instant }
  | { readonly _tag: "Change"; readonly id: Id; readonly name?: string | null; readonly role?: Role }
  | { readonly _tag: "Remove"; readonly id: Id }

export type Refusal =
  | { readonly _tag: "NoOperator"; readonly id: Id }
  | { readonly _tag: "IsActive"; readonly email: string }
  | { readonly _tag: "InvitationOver"; readonly at: Instant }
  /** Nobody may be there before an OWNER is. */
  | { readonly _tag: "NoOwnerYet" }
  | { readonly _tag: "LastOwner" }
  | { readonly _tag: "TooMany"; readonly most: number }

/** How many there can be, those who are invited among them. */
export const most = 500

/** Who a command is about: before, and after; null where they are not there. */
export interface Change {
  readonly before: Person | null
  readonly after: Person | null
}

/** Null where nothing is to do. */
export const decide = (state: State, command: Command): Result.Result<Change | null, Refusal> => {
  if (command._tag === "Invite") return invite(state, command)
  const before = state.find(({ id }) => id === command.id)
  if (before === undefined) return Result.fail({ _tag: "NoOperator", id: command.id })
  switch (command._tag) {
    case "Accept":
      if (before.status === "active") return Result.succeed(null)
      if (before.expiresAt <= command.at) return Result.fail({ _tag: "InvitationOver", at: before.expiresAt })
      // The one who was to be may have gone meanwhile.
      if (before.role !== "OWNER" && !hasOwner(state)) return Result.fail({ _tag: "NoOwnerYet" })
      return Result.succeed({
        before,
        after: { ...before, status: "active", acceptedAt: command.at, name: command.name ?? before.name }
      })
    case "Change": {
      const { name = before.name, role = before.role } = command
      if (name === before.name && role === before.role) return Result.succeed(null)
      if (role !== "OWNER" && isLastOwner(state, before)) return Result.fail({ _tag: "LastOwner" })
      return Result.succeed({ before, after: { ...before, name, role } })
    }
    case "Remove":
      return isLastOwner(state, before) ? Result.fail({ _tag: "LastOwner" }) : Result.succeed({ before, after: null })
  }
}

const invite = (
  state: State,
  { id, email, name, role, expiresAt }: Extract<Command, { readonly _tag: "Invite" }>
): Result.Result<Change, Refusal> => {
  const before = state.find((person) => person.email.toLowerCase() === email.toLowerCase()) ?? null
  if (before?.status === "active") return Result.fail({ _tag: "IsActive", email: before.email })
  if (role !== "OWNER" && !hasOwner(state)) return Result.fail({ _tag: "NoOwnerYet" })
  if (before === null && state.length >= most) return Result.fail({ _tag: "TooMany", most })
  const after: Person = { id: before?.id ?? id, email, name, role, status: "invited", expiresAt, acceptedAt: null }
  return Result.succeed({ before, after })
}

export const evolve = (state: State, { before, after }: Change): State => [
  ...state.filter(({ id }) => id !== before?.id),
  ...(after === null ? [] : [after])
]

const isOwner = ({ role, status }: Person): boolean => role === "OWNER" && status === "active"
const hasOwner = (state: State): boolean => state.some(isOwner)
const isLastOwner = (state: State, person: Person): boolean =>
  isOwner(person) && !state.some((other) => other.id !== person.id && isOwner(other))
