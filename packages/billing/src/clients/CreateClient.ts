/**
 * Creates a client: a root with a tree of its own, or a child of another, at most 8 deep and of the same currency. It is
 * pending onboarding unless told.
 */
import type { Calendar, Credits, Currency } from "@capstan/domain"
import { type Caller, Clients, ClientView, CommandKeys, Ids, Key, Organizations, Payers } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused, fromAbove } from "../Doors.ts"

export interface Input {
  readonly externalId: string | null
  /** Null for a root. */
  readonly parent: string | null
  readonly name: string
  readonly email: string | null
  /** Null for that of the parent, or of the organization; the time zone likewise. */
  readonly currency: Currency.Currency | null
  readonly timeZone: Calendar.Zone | null
  readonly usesParentBalance: boolean
  readonly overdraftLimit: Credits.Credits
  readonly metadata: Clients.Metadata
  readonly onboarded: boolean
}

/** The root included. */
export const deepest = 8

export const createClient = (caller: Caller, input: Input) =>
  change<ClientView.Client>(caller, input.parent === null ? [] : [input.parent], async (trx, locked) => {
    const { organization } = caller
    const parent = input.parent === null ? null : await ClientView.parts(trx, caller, input.parent)
    if (parent === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: input.parent ?? "" })
    if (parent === null && caller.reach !== null) return Result.fail(confined)
    const bound = input.overdraftLimit > 0n && caller.reach !== null ? fromAbove(caller, [caller.reach]) : undefined
    if (bound !== undefined) return Result.fail(bound)
    const hash = Key.hash("clients.create", [parent?.client.id ?? null, payloadOf(input)])
    const asked = { ...caller, procedure: "clients.create", hash }
    return CommandKeys.once<ClientView.Client, Refused>(trx, asked, async () => {
      const refused = refusalOf(input, parent)
      if (refused !== undefined) return Result.fail({ _tag: "NotAdmissible", ...refused })
      const { currency, timeZone } = parent?.client ?? (await Organizations.get(trx, organization))
      const id = Ids.mint()
      const at = locked.at
      const client: Clients.Client = {
        id,
        root: parent?.client.root ?? id,
        parent: parent?.client.id ?? null,
        path: parent === null ? [] : [...parent.client.path, parent.client.id],
        externalId: input.externalId,
        name: input.name,
        email: input.email,
        currency: input.currency ?? currency,
        timeZone: input.timeZone ?? timeZone,
        metadata: input.metadata,
        usesParentBalance: input.usesParentBalance,
        overdraftLimit: input.overdraftLimit,
        lifecycle: { onboardedAt: input.onboarded ? at : null, closedAt: null, suspensions: [] },
        version: 1n,
        createdAt: at,
        updatedAt: at
      }
      if (!(await Clients.insert(trx, organization, client)))
        return Result.fail({ _tag: "Taken", what: "externalId", value: input.externalId ?? "" })
      await Payers.keep(trx, organization, id, { actor: caller.actor, at })
      const { parent: of, externalId, name, lifecycle } = client
      const payload = { parent: of, externalId, name, onboardedAt: lifecycle.onboardedAt }
      locked.record({ client: id, kind: "client.created", payload })
      const ancestors = parent === null ? [] : [parent.client, ...parent.ancestors]
      return Result.succeed(ClientView.present({ client, ancestors, subscription: null }))
    })
  })

const payloadOf = (input: Input): ReadonlyArray<unknown> => [
  input.externalId,
  input.name,
  input.email,
  input.currency,
  input.timeZone,
  input.usesParentBalance,
  input.overdraftLimit,
  input.metadata,
  input.onboarded
]

const confined = {
  _tag: "NotAdmissible",
  reason: "not_admissible",
  message: "This token is confined to a client: name a parent that is that client, or below it."
} as const

const refusalOf = (input: Input, parent: ClientView.Parts | null) => {
  if (parent === null)
    return input.usesParentBalance
      ? { reason: "not_admissible", message: "A client without a parent cannot use a parent's balance." }
      : undefined
  const { client } = parent
  if (client.lifecycle.closedAt !== null)
    return { reason: "parent_closed", message: "The parent is closed: choose another." }
  if (client.path.length + 2 > deepest)
    return {
      reason: "parent_too_deep",
      message: `A tree of clients is at most ${deepest} deep: choose a parent further up.`
    }
  if (input.currency !== null && input.currency !== client.currency)
    return { reason: "currency_differs", message: `A tree of clients has one currency, here ${client.currency}.` }
  return undefined
}
