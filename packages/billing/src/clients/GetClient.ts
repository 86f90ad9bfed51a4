/** A client with its balances. */
import type { Credits, Wallet } from "@capstan/domain"
import { type Caller, ClientView, Database, type Trees } from "@capstan/store"
import { Effect } from "effect"
import { type Balance, getBalance } from "../credits/GetBalance.ts"
import type { Refused } from "../Doors.ts"

interface ClientDetail extends ClientView.Client {
  readonly balances: Pick<Balance, "available" | "balance" | "debt" | "held"> & {
    readonly [K in Wallet.Kind]: Credits.Credits
  } & { readonly overage: Credits.Credits; readonly overdraft: Credits.Credits }
}

export const getClient = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name }: { readonly client: string }
): Effect.fn.Return<ClientDetail, Refused, Trees.Trees | Database.Database> {
  const { db } = yield* Database.Database
  const client = yield* Effect.fromResult(yield* Effect.promise(() => ClientView.get(db, caller, name)))
  const { at, balance, available, held, lots, overage, overdraft, debt } = yield* getBalance(caller, {
    client: client.id
  })
  const left = (kind: Wallet.Kind): Credits.Credits =>
    lots.reduce((sum, lot) => (lot.kind === kind && (lot.expiresAt ?? Infinity) > at ? sum + lot.left : sum), 0n)
  const kinds = { promo: left("promo"), included: left("included"), extra: left("extra") }
  const owed = { overage: overage.used, overdraft: overdraft.used, debt }
  return { ...client, balances: { balance, available, held, ...kinds, ...owed } }
})
