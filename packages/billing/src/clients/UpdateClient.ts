/**
 * Changes who a client is, by a merge patch. Nothing is written where nothing changes.
 *
 * Where its time zone changes, the windows of its caps that are open stay up to their end, and subscriptions keep the zone
 * that they began in: no period is opened again. The zone bounds what it may spend and features are granted, so both are
 * set from above. Its currency is frozen by the first financial fact of its tree, and its external id is given once, unless
 * the organization says so.
 */
import { isDeepStrictEqual } from "node:util"
import type { Calendar, Currency } from "@capstan/domain"
import { type Caller, Clients, ClientView, type Failure } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, onClient, type Refused, staleness } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { answered } from "./Answered.ts"
import * as Profile from "./Profile.ts"

export interface Patch extends Profile.Said {
  readonly name?: string | undefined
  readonly email?: string | null | undefined
  readonly timeZone?: Calendar.Zone | undefined
  readonly currency?: Currency.Currency | undefined
  readonly externalId?: string | null | undefined
  /** Null for none; otherwise all of it. */
  readonly metadata?: Clients.Metadata | null | undefined
}

export interface Input extends Patch {
  readonly client: string
  readonly relinkExternalId?: boolean | undefined
}

const procedure = "clients.update"

export const updateClient = (caller: Caller, { client, relinkExternalId = false, ...patch }: Input) =>
  answered(
    caller,
    { procedure, payload: { ...patch, relinkExternalId } },
    onClient<ClientView.Client>(
      caller,
      { procedure, client, payload: { ...patch, relinkExternalId } },
      async (trx, locked, parts) => {
        const stale = staleness(caller, parts.client.version)
        if (stale !== undefined) return Result.fail(stale)
        const changed = await changeClient({ trx, caller, locked }, parts, patch, relinkExternalId)
        return Result.map(changed, ClientView.present)
      }
    )
  )

/** The same in the caller's transaction: the client as it is after it. */
export const changeClient = async (
  session: Session,
  parts: ClientView.Parts,
  patch: Patch,
  relinks: boolean
): Promise<Result.Result<ClientView.Parts, Refused>> => {
  const { trx, caller, locked } = session
  const { client: before } = parts
  if (before.lifecycle.closedAt !== null)
    return Result.fail({ _tag: "ClientClosed", client: before.id, at: before.lifecycle.closedAt })
  const profile = Profile.after(before, patch)
  if (Result.isFailure(profile)) return Result.fail(profile.failure)
  const after: Clients.Client = {
    ...before,
    ...profile.success,
    name: patch.name ?? before.name,
    email: patch.email === undefined ? before.email : patch.email,
    timeZone: patch.timeZone ?? before.timeZone,
    currency: patch.currency ?? before.currency,
    externalId: patch.externalId === undefined ? before.externalId : patch.externalId,
    metadata: patch.metadata === undefined ? before.metadata : (patch.metadata ?? {})
  }
  const changed = fields.filter((field) => !isDeepStrictEqual(before[field], after[field]))
  if (changed.length === 0) return Result.succeed(parts)
  const refused = await refusalOf(session, before, after, relinks)
  if (refused !== undefined) return Result.fail(refused)
  const client = { ...after, version: before.version + 1n, updatedAt: locked.at }
  if (!(await Clients.update(trx, caller.organization, client)))
    return Result.fail({ _tag: "Taken", what: "externalId", value: after.externalId ?? "" })
  const told = (of: Clients.Client) => Object.fromEntries(changed.map((field) => [field, of[field]]))
  locked.record({ client: client.id, kind: "client.updated", payload: { before: told(before), after: told(client) } })
  return Result.succeed({ ...parts, client })
}

const fields = [
  "name",
  "email",
  "billingName",
  "billingAddress",
  "taxId",
  "taxIdType",
  "locale",
  "logoUrl",
  "timeZone",
  "currency",
  "externalId",
  "metadata"
] as const

const refusalOf = async (
  { trx, caller }: Session,
  before: Clients.Client,
  after: Clients.Client,
  relinks: boolean
): Promise<Refused | undefined> => {
  const isBound = after.timeZone !== before.timeZone || after.currency !== before.currency
  const bound = isBound ? fromAbove(caller, [before.id]) : undefined
  if (bound !== undefined) return bound
  const granted = isDeepStrictEqual(featuresOf(before), featuresOf(after))
    ? undefined
    : fromAbove(caller, [before.id], "metadata")
  if (granted !== undefined) return granted
  if (before.externalId !== null && after.externalId !== before.externalId) {
    if (!relinks) return given
    if (caller.reach !== null) return givenAbove
  }
  if (after.currency === before.currency) return undefined
  return before.parent !== null || (await Clients.isBooked(trx, caller.organization, before)) ? frozen : undefined
}

/** What above it grants a client: so it neither gives nor takes it itself. */
const featuresOf = ({ metadata }: Clients.Client) =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith("features.")))

const given: Failure = {
  _tag: "NotAdmissible",
  reason: "external_id_given",
  message: "The client has an external id: to give it another all the same, say relinkExternalId as well.",
  field: "externalId"
}

const givenAbove: Failure = {
  _tag: "NotAdmissible",
  reason: "set_from_above",
  message: "A token that is confined to a client cannot give another external id: use one of the organization.",
  field: "externalId"
}

const frozen: Failure = {
  _tag: "NotAdmissible",
  reason: "currency_frozen",
  message:
    "The currency is settled: only a root without children, caps, recharge, subscriptions, orders and entries may change it. Create a new client.",
  field: "currency"
}
