/**
 * Starts the window of a cap anew before its time. It ends where the old one would have; what holds have pinned in the old
 * one is settled there.
 */
import { Cost, type SpendingCap } from "@capstan/domain"
import { type Caller, Caps, type CapView, type ClientView, Organizations, Thresholds } from "@capstan/store"
import { Result } from "effect"
import { onClient, type Refused, staleness } from "../Doors.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { barred } from "./Consent.ts"
import { standing } from "./SetCap.ts"

export interface Input {
  readonly client: string
  readonly name: string
}

export const resetWindow = (caller: Caller, { client, name }: Input) =>
  onClient<CapView.Cap>(
    caller,
    { procedure: "caps.resetWindow", client, payload: { name } },
    async (trx, locked, parts) => resetWindowIn({ trx, caller, locked }, parts, name)
  )

export const resetWindowIn = async (
  { trx, caller, locked }: Session,
  { client }: Pick<ClientView.Parts, "client">,
  name: string
): Promise<Result.Result<CapView.Cap, Refused>> => {
  const { organization } = caller
  const branch = await locked.branch(client.id)
  const present = branch.counters.find(({ cap }) => cap.client === client.id && cap.name === name)
  if (present === undefined) return Result.fail({ _tag: "NotFound", what: "cap", id: name })
  const { settings } = await Organizations.get(trx, organization)
  const bound = barred(caller, settings.raiseConsent, present.cap, branch)
  if (bound !== undefined) return Result.fail(bound)
  const { latest } = await Caps.version(trx, organization, client.id, name)
  const stale = staleness(caller, latest)
  if (stale !== undefined) return Result.fail(stale)
  const { cap, window } = present
  // Windows are told apart by where they start: one that starts at this very instant is followed a millisecond later.
  const at = Math.max(locked.at, window.start + 1)
  const decided = await locked.decide(client.id, { _tag: "ResetWindow", cap: cap.id, at })
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  const reset = decided.success.find(({ _tag }) => _tag === "WindowReset")
  if (reset?._tag === "WindowReset") {
    const payload = { cap: cap.id, name, start: reset.at, before: told(window) }
    locked.record({ client: client.id, kind: "cap.window_reset", payload })
    await Thresholds.forgotten(trx, organization, client.id)
  }
  return Result.succeed(await standing({ locked }, client, cap.id, latest))
}

const told = ({ start, end, used, held, told }: SpendingCap.Window) => ({
  start,
  end,
  used: Cost.format(used),
  held: Cost.format(held),
  told
})
