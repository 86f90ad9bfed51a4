/** Sets a client's auto-recharge, or switches it on or off. */
import type { Credits, Money } from "@capstan/domain"
import { AutoRecharges, BalanceWatches, type Caller, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { onClient, type Refused, staleness } from "../Doors.ts"
import { PaymentGateway } from "../payments/PaymentGateway.ts"
import { setTerms } from "./Terms.ts"
import { type Recharge, view } from "./GetRecharge.ts"

export interface Input {
  readonly client: string
  readonly enabled: boolean
  /** What is undefined stays as it was. */
  readonly threshold: Credits.Credits | undefined
  readonly amount: Credits.Credits | undefined
  readonly pack: string | undefined
  readonly maxPerDay: Money.Money | null | undefined
  readonly maxPerMonth: Money.Money | null | undefined
  readonly cooldownSeconds: number | undefined
  readonly lowBalance: Credits.Credits | null | undefined
  /** Whether somebody agrees to be charged without being asked: whoever asks for this. */
  readonly consent: boolean
}

export const configureRecharge = (
  caller: Caller,
  { client: ref, ...input }: Input
): Effect.Effect<Recharge, Refused, PaymentGateway | Trees.Trees> =>
  Effect.flatMap(PaymentGateway, ({ gateways }) =>
    onClient<Recharge>(
      caller,
      { procedure: "recharge.configure", client: ref, payload: input },
      async (trx, locked, { client }) => {
        const { organization } = caller
        const { id } = client
        const session = { trx, caller, locked, gateways }
        const before = await AutoRecharges.find(trx, organization, id)
        const stale = staleness(caller, before?.version ?? 0n)
        if (stale !== undefined) return Result.fail(stale)
        const kept = before?.state.config ?? null
        const { threshold = kept?.threshold, amount = kept?.amount, enabled, pack, lowBalance } = input
        const money = (amount: Money.Minor | null = null) =>
          kept === null || amount === null ? null : { amount, currency: kept.currency }
        const { maxPerDay = money(kept?.maxPerDay), maxPerMonth = money(kept?.maxPerMonth) } = input
        const cooldown = input.cooldownSeconds === undefined ? kept?.cooldown : input.cooldownSeconds * 1_000
        if (threshold === undefined || amount === undefined) {
          if (enabled) return Result.fail(needed(threshold === undefined ? "threshold" : "amount"))
        } else {
          const terms = { enabled, threshold, amount, pack, maxPerDay, maxPerMonth, cooldown }
          const isOff = !enabled && (before === undefined || isSame(input))
          const configured = await setTerms(session, client, isOff ? null : terms, input.consent ? caller.actor : null)
          if (Result.isFailure(configured)) return Result.fail(configured.failure)
        }
        if (lowBalance !== undefined) {
          await BalanceWatches.set(trx, organization, id, lowBalance)
          locked.record({ client: id, kind: "balance.watched", payload: { low: lowBalance } })
        }
        return Result.succeed(await view(trx, caller, client, locked.at))
      }
    )
  )

/** Whether nothing but the switch is meant. */
const isSame = ({ threshold, amount, pack, maxPerDay, maxPerMonth, cooldownSeconds }: Omit<Input, "client">): boolean =>
  [threshold, amount, pack, maxPerDay, maxPerMonth, cooldownSeconds].every((term) => term === undefined)

const needed = (field: string): Refused => ({
  _tag: "NotAdmissible",
  reason: "not_admissible",
  message: `It was never set: say the ${field}, too.`,
  field
})
