/**
 * Lifts the operator's suspension of a client; other causes stay. What is thereby served again is computed from present
 * facts, in the whole subtree: credits that went ungranted meanwhile are passed over, only the current grant is posted.
 */
import { type Caller, ClientView } from "@capstan/store"
import { Result } from "effect"
import { fromAbove, onClient } from "../Doors.ts"
import { serve } from "../subscriptions/Serve.ts"
import { changeLifecycle } from "./Lifecycle.ts"

export const reactivateClient = (caller: Caller, { client }: { readonly client: string }) =>
  onClient(caller, { procedure: "clients.reactivate", client, payload: {} }, async (trx, locked, parts) => {
    const bound = fromAbove(caller, [parts.client.id])
    if (bound !== undefined) return Result.fail(bound)
    const command = { _tag: "Lift", cause: "operator", by: caller.actor, at: locked.at } as const
    const changed = await changeLifecycle(caller, locked, parts, client, command)
    if (Result.isFailure(changed)) return Result.fail(changed.failure)
    const served = await serve({ trx, caller, locked }, client, changed.success, "subtree")
    return Result.map(served, (subscription) =>
      ClientView.present({ ...changed.success, subscription: subscription ?? parts.subscription })
    )
  })
