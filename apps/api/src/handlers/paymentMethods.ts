/** What answers the procedures of payment methods. */
import { removeMethod, setDefaultMethod, setUpMethod } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { PaymentMethods } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const paymentMethods: Handlers.Of<Api["paymentMethods"]> = {
  setup: ({ client, connection = null, reference = null, default: isDefault }, caller) =>
    Effect.map(setUpMethod(caller, { client, connection, reference, isDefault }), ({ method, ...setUp }) => ({
      ...setUp,
      method: method === null ? null : wire(method)
    })),

  list: ({ client, ...asked }, caller) =>
    Effect.map(
      read((db) => PaymentMethods.list(db, caller, client, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  setDefault: ({ client, method }, caller) => Effect.map(setDefaultMethod(caller, { client, method }), wire),

  remove: ({ client, method }, caller) => Effect.map(removeMethod(caller, { client, method }), wire)
}

/** The provider's name of it stays here. */
const wire = (method: PaymentMethods.PaymentMethod) => {
  const { reference: _, ...shown } = method
  return shown
}
