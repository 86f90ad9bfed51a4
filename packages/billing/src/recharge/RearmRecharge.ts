/** Arms an auto-recharge again that has stopped; the balance is looked at, at once. */
import { type Caller, AutoRecharges, PaymentMethods } from "@capstan/store"
import { Result } from "effect"
import { onClient, staleness } from "../Doors.ts"
import { decideAndKeep, withoutMethod } from "./Terms.ts"
import { type Recharge, view } from "./GetRecharge.ts"

export const rearmRecharge = (caller: Caller, { client: ref }: { readonly client: string }) =>
  onClient<Recharge>(
    caller,
    { procedure: "recharge.rearm", client: ref, payload: {} },
    async (trx, locked, { client }) => {
      const { organization } = caller
      const kept = await AutoRecharges.find(trx, organization, client.id)
      if (kept === undefined) return Result.fail(off)
      const stale = staleness(caller, kept.version)
      if (stale !== undefined) return Result.fail(stale)
      if (kept.state.phase._tag === "Stopped") {
        const method = await PaymentMethods.defaultOf(trx, organization, client.id)
        if (method === undefined) return withoutMethod("missing")
        if (method.inactive) return withoutMethod("inactive")
      }
      const rearmed = await decideAndKeep({ trx, caller, locked }, kept, { _tag: "Rearm", at: locked.at })
      if (Result.isFailure(rearmed)) return Result.fail(rearmed.failure)
      return Result.succeed(await view(trx, caller, client, locked.at))
    }
  )

const off = {
  _tag: "NotAdmissible",
  reason: "recharge_off",
  message: "Auto-recharge is off: switch it on."
} as const
