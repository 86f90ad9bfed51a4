/** What answers the procedures of credits. */
import {
  adjustCredits,
  captureHold,
  checkCredits,
  consumeCredits,
  consumeMany,
  getBalance,
  grantCredits,
  purchaseCredits,
  releaseHold,
  reserveCredits,
  reverseDebit,
  revokeGrant
} from "@capstan/billing"
import { Credits } from "@capstan/contract"
import type { Wallet } from "@capstan/domain"
import { LedgerView } from "@capstan/store"
import { Effect, Result } from "effect"
import type * as Handlers from "../Handlers.ts"
import { problemOf } from "../problemOf.ts"
import * as present from "./present.ts"
import { read } from "./read.ts"

export const credits: Handlers.Of<typeof Credits.procedures> = {
  balance: ({ client }, caller) => getBalance(caller, { client }),

  check: ({ client, amount, feature = null, member, meter }, caller) =>
    Effect.map(checkCredits(caller, { client, amount, feature, member, meter }), ({ refusal, ...checked }) => ({
      ...checked,
      allowed: refusal === null,
      refusal: refusal === null ? null : problemOf(refusal)
    })),

  consume: ({ client, amount, feature = null, member, meter, allowPartial, effectiveAt = null }, caller) =>
    Effect.map(
      consumeCredits(caller, { client, amount, feature, member, meter, allowPartial, effectiveAt }),
      present.receipt
    ),

  consumeMany: ({ items }, caller) =>
    Effect.map(
      consumeMany(
        caller,
        items.map(({ idempotencyKey: key, feature = null, effectiveAt = null, ...item }) => ({
          ...item,
          feature,
          effectiveAt,
          key
        }))
      ),
      (results) => ({
        results: results.map((result) =>
          Result.isSuccess(result)
            ? { outcome: "ok" as const, ...present.receipt(result.success) }
            : { outcome: "refused" as const, problem: problemOf(result.failure) }
        )
      })
    ),

  reserve: ({ client, amount, expiresIn, feature = null, member, meter, allowPartial }, caller) =>
    Effect.map(
      reserveCredits(caller, { client, amount, expiresIn: expiresIn * 1_000, feature, member, meter, allowPartial }),
      present.holdReceipt
    ),

  capture: ({ hold, amount = null, feature = null, member, meter, allowPartial }, caller) =>
    Effect.map(captureHold(caller, { hold, amount, feature, member, meter, allowPartial }), present.receipt),

  release: ({ hold }, caller) => Effect.map(releaseHold(caller, { hold }), present.receipt),

  grant: ({ client, kind, amount, priority, source, ...input }, caller) => {
    const { effectiveAt = null, expiresAt = null, unitCost = null, features = null } = input
    return Effect.map(
      grantCredits(caller, { client, kind, amount, effectiveAt, expiresAt, priority, unitCost, source, features }),
      present.receipt
    )
  },

  revokeGrant: ({ entry, amount = null, spent, reason = null }, caller) =>
    Effect.map(revokeGrant(caller, { entry, amount, spent, reason }), present.receipt),

  adjust: ({ client, amount, reason }, caller) =>
    Effect.map(adjustCredits(caller, { client, amount, reason }), present.receipt),

  purchase: ({ client, product: pack, quantity, paymentMethod: method = null }, caller) =>
    Effect.map(purchaseCredits(caller, { client, pack, quantity, method }), ({ order, payment, entry }) => ({
      order: order.id,
      payment: payment.id,
      payer: order.client,
      total: { amount: order.state.total, currency: order.currency },
      credits: entry.amount,
      entry: present.entry(entry),
      paidAt: order.state.paidAt ?? entry.at
    })),

  reverse: ({ entry, amount = null }, caller) => Effect.map(reverseDebit(caller, { entry, amount }), present.receipt),

  ledger: ({ client, kind, ...asked }, caller) =>
    Effect.map(
      read((db) => LedgerView.list(db, caller, client, { ...asked, kind: kind && tags[kind] })),
      ({ items, nextCursor }) => ({ items: items.map(present.entry), nextCursor })
    )
}

/** The events of wallets, by what their entries are called. */
const tags = Object.fromEntries(Object.entries(Credits.kinds).map(([tag, kind]) => [kind, tag])) as {
  readonly [K in Credits.EntryKind]: Wallet.Event["_tag"]
}
