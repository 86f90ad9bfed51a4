/** What answers the procedures of clients. */
import {
  completeOnboarding,
  createClient,
  deleteClient,
  detachClient,
  getClient,
  importClients,
  getState,
  moveClient,
  type Preview,
  previewReactivate,
  reactivateClient,
  suspendClient,
  updateBilling,
  updateClient,
  upsertClient
} from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { ClientView } from "@capstan/store"
import { Effect, Result } from "effect"
import * as columns from "../columns/clients.ts"
import * as Csv from "../Csv.ts"
import type * as Handlers from "../Handlers.ts"
import * as Pages from "../Pages.ts"
import { problemOf } from "../problemOf.ts"
import { read } from "./read.ts"

export const clients: Handlers.Of<Api["clients"]> = {
  create: ({ name, ...input }, caller) =>
    createClient(caller, {
      externalId: input.externalId ?? null,
      parent: input.parent ?? null,
      name,
      email: input.email ?? null,
      currency: input.currency ?? null,
      timeZone: input.timeZone ?? null,
      usesParentBalance: input.usesParentBalance ?? false,
      overdraftLimit: input.overdraftLimit ?? 0n,
      metadata: input.metadata ?? {},
      billingName: input.billingName,
      billingAddress: input.billingAddress,
      taxId: input.taxId,
      locale: input.locale,
      logoUrl: input.logoUrl,
      onboarded: false
    }),

  upsert: ({ idempotencyKey: _key, ...input }, caller) => upsertClient(caller, input),

  import: ({ dryRun, items }, caller) =>
    Effect.map(importClients(caller, { dryRun, items: items.map(itemOf) }), (results) => ({
      dryRun,
      results: results.map((result) =>
        Result.isSuccess(result)
          ? { outcome: "ok" as const, ...result.success }
          : { outcome: "refused" as const, problem: problemOf(result.failure) }
      )
    })),

  delete: ({ client, anonymize = false }, caller) => deleteClient(caller, { client, anonymize }),

  update: ({ idempotencyKey: _key, ifMatch: _version, ...input }, caller) => updateClient(caller, input),

  get: ({ client }, caller) => getClient(caller, { client }),

  state: ({ client }, caller) =>
    Effect.map(getState(caller, { client }), ({ entitlements, ...state }) => ({
      ...state,
      entitlements: {
        ...entitlements,
        refusal: entitlements.refusal === null ? null : problemOf(entitlements.refusal)
      }
    })),

  billing: {
    get: ({ client }, caller) => getClient(caller, { client }),

    update: (patch, caller) => updateBilling(caller, patch)
  },

  list: (asked, caller) => read((db) => ClientView.list(db, caller, asked)),

  export: (asked, caller) =>
    Effect.map(
      Pages.ofList((db, cursor) => ClientView.list(db, caller, { ...asked, limit: Pages.size, cursor })),
      (pages) => ({ filename: "clients.csv", mediaType: "text/csv", pieces: Csv.pieces(columns.clients, pages) })
    ),

  children: ({ client, ...page }, caller) => read((db) => ClientView.list(db, caller, { parent: [client], ...page })),

  move: ({ client, parent }, caller) => moveClient(caller, { client, parent }),

  detach: ({ client }, caller) => detachClient(caller, { client }),

  suspend: ({ client, reason = null, note = null }, caller) => suspendClient(caller, { client, reason, note }),

  reactivate: ({ client, preview = null, note = null }, caller) => reactivateClient(caller, { client, preview, note }),

  previewReactivate: ({ client }, caller) => Effect.map(previewReactivate(caller, { client }), presentPreview),

  completeOnboarding: ({ client, member }, caller) => completeOnboarding(caller, { client, member })
}

const presentPreview = ({ served, subscription, charge, ...preview }: Preview) => ({
  ...preview,
  clientsServed: served,
  subscription: subscription === null ? null : withPeriod(subscription),
  charge: charge === null ? null : presentCharge(charge)
})

const withPeriod = ({ periodStart, periodEnd, ...subscription }: NonNullable<Preview["subscription"]>) => ({
  ...subscription,
  currentPeriodStart: periodStart,
  currentPeriodEnd: periodEnd
})

const presentCharge = ({ payer, amount, currency, lines, method }: NonNullable<Preview["charge"]>) => ({
  payer,
  amount: { amount, currency },
  lines: lines.map(({ description, amount }) => ({ description, amount: { amount, currency } })),
  paymentMethod: method === null ? null : presentMethod(method)
})

const presentMethod = ({
  id,
  type,
  brand,
  last4,
  inactive
}: NonNullable<NonNullable<Preview["charge"]>["method"]>) => ({ id, type, brand, last4, inactive })

type Imported = Api["clients"]["import"]["input"]["Type"]["items"][number]

const itemOf = ({ subscription, lots = [], paymentMethods = [], ...item }: Imported) => ({
  ...item,
  externalId: item.externalId ?? null,
  parent: item.parent ?? null,
  email: item.email ?? null,
  currency: item.currency ?? null,
  timeZone: item.timeZone ?? null,
  overdraftLimit: item.overdraftLimit ?? 0n,
  metadata: item.metadata ?? {},
  subscription:
    subscription === undefined
      ? null
      : {
          plan: subscription.plan,
          seats: subscription.seats,
          anchor: subscription.anchor,
          paidUntil: subscription.paidUntil ?? null,
          trialEndsAt: subscription.trialEndsAt ?? null
        },
  lots: lots.map(({ expiresAt = null, unitCost = null, ...lot }) => ({ ...lot, expiresAt, unitCost })),
  paymentMethods: paymentMethods.map(({ connection = null, ...method }) => ({ connection, ...method }))
})
