/** Lets a client begin: it may spend, and the clocks of what it has subscribed to start now. */
import { type Caller, ClientView } from "@capstan/store"
import { Result } from "effect"
import { onClient } from "../Doors.ts"
import { serve } from "../subscriptions/Serve.ts"
import { changeLifecycle } from "./Lifecycle.ts"

export const completeOnboarding = (caller: Caller, { client }: { readonly client: string }) =>
  onClient(caller, { procedure: "clients.completeOnboarding", client, payload: {} }, async (trx, locked, parts) => {
    const command = { _tag: "CompleteOnboarding", by: caller.actor, at: locked.at } as const
    const changed = await changeLifecycle(caller, locked, parts, client, command)
    if (Result.isFailure(changed)) return Result.fail(changed.failure)
    const served = await serve({ trx, caller, locked }, client, changed.success, "client")
    return Result.map(served, (subscription) =>
      ClientView.present({ ...changed.success, subscription: subscription ?? parts.subscription })
    )
  })
