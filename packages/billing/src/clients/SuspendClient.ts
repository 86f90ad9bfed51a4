/**
 * Suspends a client, as the operator. From then on nothing of it or of what is below it spends, is granted or renews; what
 * holds have set aside may still be captured.
 */
import type { ClientLifecycle } from "@capstan/domain"
import { type Caller, ClientView } from "@capstan/store"
import { Result } from "effect"
import { onClient } from "../Doors.ts"
import { changeLifecycle } from "./Lifecycle.ts"

export interface Input {
  readonly client: string
  readonly reason: ClientLifecycle.Reason | null
  readonly note: string | null
}

export const suspendClient = (caller: Caller, { client, reason, note }: Input) =>
  onClient(caller, { procedure: "clients.suspend", client, payload: { reason, note } }, async (_, locked, parts) => {
    const suspension = { cause: "operator", by: caller.actor, at: locked.at, reason, note } as const
    const changed = await changeLifecycle(caller, locked, parts, client, { _tag: "Suspend", suspension })
    return Result.map(changed, ClientView.present)
  })
