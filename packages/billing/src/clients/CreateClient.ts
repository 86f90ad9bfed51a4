/**
 * Creates a client: a root with a tree of its own, or a child of another, at most 8 deep and of the same currency. It is
 * pending onboarding unless told.
 */
import type { Calendar, Credits, Currency, Id } from "@capstan/domain"
import { type Caller, Clients, ClientView, CommandKeys, Ids, Key, Organizations, Payers } from "@capstan/store"
import { Result } from "effect"
import { change, type Refused, fromAbove } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import * as Profile from "./Profile.ts"

export interface Input extends Profile.Said {
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
    const session = { trx, caller, locked }
    const parent = await parentOf(session, input)
    if (Result.isFailure(parent)) return Result.fail(parent.failure)
    const hash = Key.hash("clients.create", [parent.success?.client.id ?? null, payloadOf(input)])
    const asked = { ...caller, procedure: "clients.create", hash }
    return CommandKeys.once<ClientView.Client, Refused>(
      trx,
      asked,
      async () => {
        const added = await addClient(session, input, parent.success, Ids.mint())
        return Result.map(added, ClientView.present)
      },
      ({ id }) => id
    )
  })

/** The parent that is named, where whoever asks may put a client there; null for a root. */
export const parentOf = async (
  { trx, caller }: Session,
  { parent: ref, overdraftLimit }: Pick<Input, "overdraftLimit" | "parent">
): Promise<Result.Result<ClientView.Parts | null, Refused>> => {
  const parent = ref === null ? null : await ClientView.parts(trx, caller, ref)
  if (parent === undefined) return Result.fail({ _tag: "NotFound", what: "client", id: ref ?? "" })
  if (parent === null && caller.reach !== null) return Result.fail(confined)
  const bound = overdraftLimit > 0n && caller.reach !== null ? fromAbove(caller, [caller.reach]) : undefined
  return bound === undefined ? Result.succeed(parent) : Result.fail(bound)
}

/** Adds a client in the caller's transaction, below a parent whose tree is locked. */
export const addClient = async (
  { trx, caller, locked }: Session,
  input: Input,
  parent: ClientView.Parts | null,
  id: Id.Id
): Promise<Result.Result<ClientView.Parts, Refused>> => {
  const { organization, actor } = caller
  const refused = refusalOf(input, parent)
  if (refused !== undefined) return Result.fail({ _tag: "NotAdmissible", ...refused })
  const profile = Profile.after(Profile.none, input)
  if (Result.isFailure(profile)) return Result.fail(profile.failure)
  const { currency, timeZone } = parent?.client ?? (await Organizations.get(trx, organization))
  const { at } = locked
  const { externalId, name, email, metadata, usesParentBalance, overdraftLimit } = input
  const client: Clients.Client = {
    id,
    root: parent?.client.root ?? id,
    parent: parent?.client.id ?? null,
    path: parent === null ? [] : [...parent.client.path, parent.client.id],
    externalId,
    name,
    email,
    ...profile.success,
    currency: input.currency ?? currency,
    timeZone: input.timeZone ?? timeZone,
    metadata,
    usesParentBalance,
    overdraftLimit,
    lifecycle: { onboardedAt: input.onboarded ? at : null, closedAt: null, suspensions: [] },
    deletedAt: null,
    anonymizedAt: null,
    version: 1n,
    createdAt: at,
    updatedAt: at
  }
  if (!(await Clients.insert(trx, organization, client)))
    return Result.fail({ _tag: "Taken", what: "externalId", value: externalId ?? "" })
  await Payers.keep(trx, organization, id, { actor, at })
  const payload = { parent: client.parent, externalId, name, onboardedAt: client.lifecycle.onboardedAt }
  locked.record({ client: id, kind: "client.created", payload })
  return Result.succeed({
    client,
    ancestors: parent === null ? [] : [parent.client, ...parent.ancestors],
    subscription: null
  })
}

const payloadOf = (input: Input): ReadonlyArray<unknown> => [
  input.externalId,
  input.name,
  input.email,
  input.currency,
  input.timeZone,
  input.usesParentBalance,
  input.overdraftLimit,
  input.metadata,
  input.onboarded,
  input.billingName,
  input.billingAddress,
  input.taxId,
  input.locale,
  input.logoUrl
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
