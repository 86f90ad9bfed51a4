/** What answers the procedures of subscriptions. */
import { createSubscription, updateSubscription } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { SubscriptionView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const subscriptions: Handlers.Of<Api["subscriptions"]> = {
  create: ({ client, plan, seats, trial, cappedAmount }, caller) =>
    createSubscription(caller, { client, plan, seats, trial, cappedAmount }),

  update: ({ subscription, seats }, caller) => updateSubscription(caller, { subscription, seats }),

  get: ({ subscription }, caller) => read((db) => SubscriptionView.get(db, caller, subscription))
}
