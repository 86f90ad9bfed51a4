/**
 * Sets a client's spending cap, or changes the one of that name. A new limit, enforcement or thresholds keep what has been
 * counted; lowering the limit below it blocks at once. Another window, scope, member or meter counts something else: the
 * old cap ends, and a new one counts from now. It is refused while the present window counts anything, or it would be a
 * way to reset it. Both bear versions of one count, so whoever has seen the old cap has not seen the new one.
 *
 * A hard cap is raised, made an alert, or replaced, only by who may consent to that; others ask for a raise.
 */
import { Cost, type Money, Settings, type SpendingCap } from "@capstan/domain"
import { type Caller, Caps, CapView, type ClientView, type Failure, Ids, Organizations } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, onClient, type Refused, staleness } from "../Doors.ts"
import { settlePending } from "../raises/Settle.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { barred, isLooser, mayConsent, placeOf } from "./Consent.ts"
import * as CapLog from "./CapLog.ts"

export interface Setting {
  readonly name: string
  readonly limit: Money.Money
  readonly every: SpendingCap.Every
  readonly scope: SpendingCap.Scope
  readonly enforcement: SpendingCap.State["enforcement"]
  readonly thresholds: ReadonlyArray<number>
  /** Only what this member spends counts, or what is spent on this meter. */
  readonly member?: string | null | undefined
  readonly meter?: string | null | undefined
  /** What the fixed charges of a window take of the limit; as it was unless said. */
  readonly committed?: Cost.Cost | undefined
}

export interface Input extends Omit<Setting, "committed"> {
  readonly client: string
}

export const setCap = (caller: Caller, { client, ...input }: Input) =>
  onClient<CapView.Cap>(
    caller,
    { procedure: "caps.set", client, payload: payloadOf(input) },
    async (trx, locked, parts) => setCapIn({ trx, caller, locked }, parts, input)
  )

export const setCapIn = async (
  { trx, caller, locked }: Session,
  { client }: Pick<ClientView.Parts, "client">,
  input: Setting
): Promise<Result.Result<CapView.Cap, Refused>> => {
  const { organization } = caller
  const { at } = locked
  const { name, every, scope, enforcement, thresholds, member = null, meter = null } = input
  if (input.limit.currency !== client.currency)
    return Result.fail({
      _tag: "NotAdmissible",
      reason: "currency_differs",
      message: `The client's currency is ${client.currency}: give the limit in that.`,
      field: "limit.currency"
    })
  const bound = fromAbove(caller, [client.id])
  if (bound !== undefined) return Result.fail(bound)
  const { latest, live } = await Caps.version(trx, organization, client.id, name)
  const stale = staleness(caller, live ? latest : 0n)
  if (stale !== undefined) return Result.fail(stale)

  const branch = await locked.branch(client.id)
  const present = branch.counters.find(({ cap }) => cap.client === client.id && cap.name === name)
  const before = present?.cap
  const limit = Cost.ofMinor(input.limit.amount)
  const { settings } = await Organizations.get(trx, organization)
  if (input.committed === undefined && !Settings.admits(settings.capRange, input.limit.amount))
    return Result.fail(outsideRange(settings.capRange))
  if (
    before !== undefined &&
    isLooser(before, { limit, enforcement }) &&
    !mayConsent(caller, settings.raiseConsent, placeOf(branch))
  )
    return Result.fail(needsConsent)
  const isSame = before?.every === every && before.scope === scope && before.member === member && before.meter === meter
  const barredFrom = isSame || before === undefined ? undefined : barred(caller, settings.raiseConsent, before, branch)
  if (barredFrom !== undefined) return Result.fail(barredFrom)
  if (!isSame && present !== undefined) {
    const { window } = present
    if (window.used + window.held > 0n) return Result.fail(inUse(window))
  }
  const committed = input.committed ?? before?.committed ?? 0n
  const said = { name, client: client.id, limit, committed, member, meter, every, scope, enforcement, thresholds }
  const base = isSame && before !== undefined ? before : { id: Ids.mint(), anchor: at }
  const cap: SpendingCap.State = { ...base, ...said, ...(await Caps.turns(trx, organization, client)) }
  if (!isSame && before !== undefined) {
    await settlePending({ trx, caller, locked }, before)
    const removed = await locked.decide(client.id, { _tag: "RemoveCap", cap: before.id, at })
    if (Result.isFailure(removed)) return Result.fail(removed.failure)
  }
  const decided = await locked.decide(client.id, { _tag: "SetCap", cap, at })
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  const payload = { before: before === undefined ? null : CapLog.told(before), after: CapLog.told(cap) }
  locked.record({ client: client.id, kind: "cap.set", payload })
  return Result.succeed(await standing({ locked }, client, cap.id, latest + 1n))
}

/** A cap as it stands now. */
export const standing = async (
  { locked }: Pick<Session, "locked">,
  client: Pick<ClientView.Parts["client"], "currency" | "id">,
  cap: string,
  version: bigint
): Promise<CapView.Cap> => {
  const counter = (await locked.branch(client.id)).counters.find(({ cap: { id } }) => id === cap)
  if (counter === undefined) throw new Error(`Cap ${cap} was set and is nowhere`)
  return CapView.versioned(counter, client.currency, version)
}

/** What the organization lets a limit be. */
export const outsideRange = (range: Settings.Settings["capRange"]): Failure => ({
  _tag: "NotAdmissible",
  reason: "outside_range",
  message: `A limit is from ${range?.min} to ${range?.max} minor units here: give one in that range.`,
  field: "limit.amount"
})

const needsConsent: Failure = {
  _tag: "NotAdmissible",
  reason: "raise_needs_consent",
  message: "Whoever pays for this client has to consent to that: ask for it with raises.request. The cap is as it was.",
  field: "limit"
}

const inUse = ({ end }: SpendingCap.Window): Failure => ({
  _tag: "NotAdmissible",
  reason: "cap_in_use",
  message: `What a cap counts changes only while its window counts nothing: reset the window with caps.resetWindow, ${
    end === null ? "" : `wait until ${new Date(end).toISOString()}, `
  }or set a cap of another name beside it.`
})

const payloadOf = ({ name, limit, every, scope, enforcement, thresholds, member, meter }: Omit<Input, "client">) => ({
  name,
  limit: limit.amount,
  currency: limit.currency,
  every,
  scope,
  enforcement,
  thresholds,
  ...(member == null ? {} : { member }),
  ...(meter == null ? {} : { meter })
})
