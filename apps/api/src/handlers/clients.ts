import { completeOnboarding, createClient, getClient, reactivateClient, suspendClient } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { ClientView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const clients: Handlers.Of<Api["clients"]> = {
  create: ({ idempotencyKey: _, ...input }, caller) =>
    createClient(caller, {
      externalId: null,
      parent: null,
      email: null,
      currency: null,
      timeZone: null,
      usesParentBalance: false,
      overdraftLimit: 0n,
      metadata: {},
      onboarded: false,
      ...input
    }),

  get: ({ client }, caller) => getClient(caller, { client }),

  list: (asked, caller) => read((db) => ClientView.list(db, caller, asked)),

  suspend: ({ client, reason = null, note = null }, caller) => suspendClient(caller, { client, reason, note }),

  reactivate: ({ client }, caller) => reactivateClient(caller, { client }),

  completeOnboarding: ({ client }, caller) => completeOnboarding(caller, { client })
}
