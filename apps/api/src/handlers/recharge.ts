/** What answers the procedures of auto-recharge. */
import { getRecharge, rearmRecharge, configureRecharge } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { Recharges } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const recharge: Handlers.Of<Api["recharge"]> = {
  get: ({ client }, caller) => getRecharge(caller, client),

  configure: (
    { client, enabled, consent, threshold, amount, pack, maxPerDay, maxPerMonth, cooldownSeconds, lowBalance },
    caller
  ) => {
    const terms = { threshold, amount, pack, maxPerDay, maxPerMonth, cooldownSeconds, lowBalance }
    return configureRecharge(caller, { client, enabled, consent, ...terms })
  },

  attempts: ({ client, ...asked }, caller) =>
    Effect.map(
      read((db) => Recharges.list(db, caller, client, asked)),
      ({ items, nextCursor }) => ({
        items: items.map(({ charge: { amount, ...charge }, currency, ...attempt }) => ({
          ...attempt,
          ...charge,
          amount: { amount, currency }
        })),
        nextCursor
      })
    ),

  rearm: ({ client }, caller) => rearmRecharge(caller, { client })
}
