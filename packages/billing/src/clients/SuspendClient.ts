/**
 * Suspends a client, as the operator. From then on nothing of it or of what is below it spends, is granted or renews; what
 * holds have set aside may still be captured.
 */
import type { ClientLifecycle } from "@capstan/domain"
import type { Caller } from "@capstan/store"
import { Result } from "effect"
import { onClient } from "../Doors.ts"
import { type ClientDetail, detail } from "./Detail.ts"
import { changeLifecycle } from "./Lifecycle.ts"

export interface Input {
  readonly client: string
  readonly reason: ClientLifecycle.Reason | null
  readonly note: string | null
}

export const suspendClient = (caller: Caller, { client, reason, note }: Input) =>
  onClient<ClientDetail>(
    caller,
    { procedure: "clients.suspend", client, payload: { reason, note } },
    async (trx, locked, parts) => {
      const { at } = locked
      const suspension = { cause: "operator", by: caller.actor, at, reason, note } as const
      const changed = await changeLifecycle(caller, locked, parts, client, { _tag: "Suspend", suspension })
      if (Result.isFailure(changed)) return Result.fail(changed.failure)
      return Result.succeed(await detail(trx, caller, changed.success, { branch: await locked.branch(client), at }))
    }
  )
