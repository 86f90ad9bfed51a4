/** A change among the people of an organization, decided and written under the lock of its row: one after the other. */
import { Crew, type Id, type Instant, type Settings } from "@capstan/domain"
import {
  type Caller,
  CommandKeys,
  type Database,
  type Failure,
  Key,
  Operators,
  Organizations,
  type Trees
} from "@capstan/store"
import { type Effect, Result } from "effect"
import { change, forAll, type Refused, staleness } from "../Doors.ts"
import { resentAgain } from "../people/Admitted.ts"

export interface Asked {
  readonly procedure: string
  /** Of the payload, for a key. */
  readonly payload: unknown
  /** Who it is about; null where they are not there yet. */
  readonly operator: Id.Id | null
  /** Told of them afterwards. */
  readonly kind: string
  readonly command: (at: Instant.Instant, settings: Settings.Settings) => Crew.Command
  /** Why it cannot be, where what the organization has settled forbids it. */
  readonly barred?: (settings: Settings.Settings) => Failure | undefined
}

/** As they are afterwards; who has been removed, as they were. */
export const changeCrew = (
  caller: Caller,
  { procedure, payload, operator, kind, command, barred }: Asked
): Effect.Effect<Operators.Operator, Refused, Trees.Trees> =>
  change<Operators.Operator>(caller, [], async (trx, { at, record }) => {
    const { organization } = caller
    const bound = forAll(caller)
    // Who is confined to a client sees nobody of the organization.
    if (bound !== undefined) return Result.fail(operator === null ? bound : absent(operator))
    const { settings } = await Organizations.lock(trx, organization)
    const asked = { ...caller, procedure, hash: Key.hash(procedure, [operator, payload]) }
    return CommandKeys.once<Operators.Operator, Refused>(trx, asked, async () => {
      const forbidden = barred?.(settings)
      if (forbidden !== undefined) return Result.fail(forbidden)
      const all = await Operators.all(trx, organization)
      const seen = all.find(({ id }) => id === operator)
      const stale = seen === undefined ? undefined : staleness(caller, seen.version)
      if (stale !== undefined) return Result.fail(stale)
      const decided = Crew.decide(all, command(at, settings))
      if (Result.isFailure(decided)) return Result.fail(failureOf(decided.failure))
      if (decided.success === null)
        return seen === undefined ? Result.fail(absent(operator ?? "")) : Result.succeed(seen)
      const { before, after } = decided.success
      const known = kind === "operator.invited" ? all.find(({ id }) => id === before?.id) : undefined
      const again = known === undefined ? undefined : resentAgain(sentOf(known), at)
      if (again !== undefined) return Result.fail(again)
      const written = await write(trx, caller, at, { all, before, after, isInvited: kind === "operator.invited" })
      const told = { operator: written.id, before: before && tellable(before), after: after && tellable(after) }
      record({ client: null, kind, payload: told })
      return Result.succeed(written)
    })
  })

/** How often is not kept: once, or again. */
const sentOf = ({ invitedAt, createdAt }: Operators.Operator) => ({
  sent: invitedAt > createdAt ? 2 : 1,
  sentAt: invitedAt
})

interface Written extends Crew.Change {
  readonly all: ReadonlyArray<Operators.Operator>
  readonly isInvited: boolean
}

const write = async (
  trx: Database.Trx,
  { organization, actor }: Caller,
  at: number,
  { all, before, after, isInvited }: Written
): Promise<Operators.Operator> => {
  const known = all.find(({ id }) => id === before?.id)
  if (after === null) {
    if (known === undefined) throw new Error("Whoever is removed was there")
    await Operators.remove(trx, organization, known.id, at)
    return { ...known, version: known.version + 1n, updatedAt: at }
  }
  const invited = isInvited ? { invitedBy: actor, invitedAt: at } : {}
  if (known === undefined) {
    const made = { lastSeenAt: null, version: 1n, createdAt: at, updatedAt: at, invitedBy: actor, invitedAt: at }
    await Operators.insert(trx, organization, { ...made, ...after })
    return { ...made, ...after }
  }
  const changed = { ...known, ...after, ...invited, updatedAt: at }
  await Operators.update(trx, organization, changed)
  return { ...changed, version: known.version + 1n }
}

const tellable = ({ email, name, role, status, expiresAt }: Crew.Person) => ({ email, name, role, status, expiresAt })

const absent = (id: Id.Id): Failure => ({ _tag: "NotFound", what: "operator", id })

const failureOf = (refusal: Crew.Refusal): Failure => {
  switch (refusal._tag) {
    case "NoOperator":
      return absent(refusal.id)
    case "IsActive":
      return { _tag: "Taken", what: "operator", value: refusal.email }
    case "InvitationOver":
      return because("invitation_expired", "The time of this invitation is over: ask to be invited again.")
    case "NoOwnerYet":
      return because("owner_required", "There is no OWNER yet: invite one, and let them accept, before all others.")
    case "LastOwner":
      return because(
        "last_owner",
        "This is the last OWNER, and there is always one: make another operator OWNER first."
      )
    case "TooMany":
      return because("too_many_operators", `An organization has at most ${refusal.most} operators: remove one first.`)
  }
}

const because = (reason: string, message: string): Failure => ({ _tag: "NotAdmissible", reason, message })
