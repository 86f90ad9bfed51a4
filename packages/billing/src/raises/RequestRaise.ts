/**
 * Asks for a raise of a client's cap. The old limit holds until whoever has to consent approves; where the organization
 * asks for no consent, a request from above the client is approved at once, and one from the client itself still is for
 * the provider to approve. Of each cap, one raise is pending at a time.
 */
import { Cost, Instant, type Money, Raise, Settings } from "@capstan/domain"
import { type Caller, type ClientView, type Failure, Ids, Organizations, Raises, RaiseView } from "@capstan/store"
import { Result } from "effect"
import { mayConsent, placeOf } from "../caps/Consent.ts"
import { outsideRange } from "../caps/SetCap.ts"
import { onClient, type Refused } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { ofRefusal, settle } from "./Settle.ts"
import * as RaiseLog from "./RaiseLog.ts"

export interface Input {
  readonly client: string
  /** The name of the cap. */
  readonly cap: string
  readonly limit: Money.Money
  readonly note: string | null
}

export const requestRaise = (caller: Caller, { client, ...input }: Input) =>
  onClient<RaiseView.View>(
    caller,
    { procedure: "raises.request", client, payload: { ...input, limit: { ...input.limit } } },
    async (trx, locked, parts) => request({ trx, caller, locked }, parts, input)
  )

const request = async (
  session: Session,
  { client }: ClientView.Parts,
  { cap: name, limit: asked, note }: Omit<Input, "client">
): Promise<Result.Result<RaiseView.View, Refused>> => {
  const { trx, caller, locked } = session
  const { organization } = caller
  const { at } = locked
  const branch = await locked.branch(client.id)
  const cap = branch.counters.find(({ cap }) => cap.client === client.id && cap.name === name)?.cap
  if (cap === undefined) return Result.fail({ _tag: "NotFound", what: "cap", id: name })
  if (asked.currency !== client.currency)
    return Result.fail({
      _tag: "NotAdmissible",
      reason: "currency_differs",
      message: `The client's currency is ${client.currency}: give the limit in that.`,
      field: "limit.currency"
    })
  const { settings } = await Organizations.get(trx, organization)
  if (!Settings.admits(settings.capRange, asked.amount)) return Result.fail(outsideRange(settings.capRange))
  const open = await Raises.pendingOf(trx, organization, cap.id)
  if (open !== undefined) {
    if (Raise.statusAt(open, at) === "pending") return Result.fail(pending(open))
    await settle(session, open, "Expire")
  }
  const placed = placeOf(branch)
  const atOnce = settings.raiseConsent === "none" && mayConsent(caller, "none", placed)
  const requested = {
    id: Ids.mint(),
    client: client.id,
    cap: cap.id,
    limit: Cost.ofMinor(asked.amount),
    before: cap.limit,
    consent: settings.raiseConsent === "none" && !atOnce ? ("provider" as const) : settings.raiseConsent,
    note,
    requestedBy: caller.actor,
    requestedAt: at,
    expiresAt: at + settings.raiseExpiresAfterHours * Instant.hour
  }
  const decided = Raise.decide(Raise.initial, { _tag: "Request", raise: requested })
  if (Result.isFailure(decided)) return Result.fail(ofRefusal(decided.failure))
  let raise = decided.success.reduce<Raise.State>(Raise.evolve, Raise.initial)
  if (raise === null) throw new Error("A raise that was requested is nowhere")
  await Raises.insert(trx, organization, raise)
  locked.record({ client: client.id, kind: "raise.requested", payload: RaiseLog.told(raise) })
  if (atOnce) {
    const approved = await settle(session, raise, "Approve")
    if (Result.isFailure(approved)) return Result.fail(approved.failure)
    raise = approved.success
  }
  return Result.succeed(RaiseView.present(raise, cap.name, client.currency, placed.line, placed.payer, at))
}

const pending = ({ id, expiresAt }: Raise.Raise): Failure => ({
  _tag: "NotAdmissible",
  reason: "raise_pending",
  message: `Raise ${id} of this cap is pending until ${new Date(expiresAt).toISOString()}: approve or decline it first.`
})
