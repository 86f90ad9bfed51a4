/** Ends a client's cap: nothing counts in it any more but what it held. A cap of its name that is set later starts anew. */
import { type Caller, Caps, CapView, type ClientView, Organizations } from "@capstan/store"
import { Result } from "effect"
import { onClient, type Refused, staleness } from "../Doors.ts"
import { settlePending } from "../raises/Settle.ts"
import type { Session } from "../subscriptions/Serve.ts"
import { barred } from "./Consent.ts"
import * as CapLog from "./CapLog.ts"

export interface Input {
  readonly client: string
  readonly name: string
}

export const removeCap = (caller: Caller, { client, name }: Input) =>
  onClient<CapView.Cap>(caller, { procedure: "caps.remove", client, payload: { name } }, async (trx, locked, parts) =>
    removeCapIn({ trx, caller, locked }, parts, name)
  )

/** The cap as it was. */
export const removeCapIn = async (
  session: Session,
  { client }: Pick<ClientView.Parts, "client">,
  name: string
): Promise<Result.Result<CapView.Cap, Refused>> => {
  const { trx, caller, locked } = session
  const { at } = locked
  const branch = await locked.branch(client.id)
  const present = branch.counters.find(({ cap }) => cap.client === client.id && cap.name === name)
  if (present === undefined) return Result.fail({ _tag: "NotFound", what: "cap", id: name })
  const { settings } = await Organizations.get(trx, caller.organization)
  const bound = barred(caller, settings.raiseConsent, present.cap, branch)
  if (bound !== undefined) return Result.fail(bound)
  const { latest } = await Caps.version(trx, caller.organization, client.id, name)
  const stale = staleness(caller, latest)
  if (stale !== undefined) return Result.fail(stale)
  await settlePending(session, present.cap)
  const decided = await locked.decide(client.id, { _tag: "RemoveCap", cap: present.cap.id, at })
  if (Result.isFailure(decided)) return Result.fail(decided.failure)
  locked.record({ client: client.id, kind: "cap.removed", payload: { before: CapLog.told(present.cap) } })
  return Result.succeed(CapView.versioned(present, client.currency, latest))
}
