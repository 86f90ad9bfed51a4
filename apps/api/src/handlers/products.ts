/** What answers the procedures of products. */
import { archiveCreditPack, createCreditPack } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { CreditPack } from "@capstan/domain"
import { CreditPacks } from "@capstan/store"
import { Effect, Result } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const products: Handlers.Of<Api["products"]> = {
  create: ({ key, name, price: { amount: price, currency }, credits, lasts }, caller) =>
    Effect.map(createCreditPack(caller, { key, name, price, currency, credits, lasts }), wire),

  list: (asked, caller) =>
    Effect.map(
      read((db) => CreditPacks.list(db, caller.organization, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  get: ({ product }, caller) =>
    Effect.map(
      read(async (db) => {
        const found = await CreditPacks.find(db, caller.organization, product)
        return found === undefined
          ? Result.fail({ _tag: "NotFound", what: "creditPack", id: product })
          : Result.succeed(found)
      }),
      wire
    ),

  archive: ({ product }, caller) => Effect.map(archiveCreditPack(caller, { product }), wire)
}

const wire = ({ price, currency, ...pack }: CreditPack.Version) => ({
  ...pack,
  type: "credit_pack" as const,
  price: { amount: price, currency },
  unitPrice: CreditPack.unitPrice({ price, credits: pack.credits })
})
