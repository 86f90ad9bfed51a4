/** What a client can spend: its payer's lots, what is held and owed, and the room under each cap that binds it. */
import { type Credits, type Currency, type Id, type Instant, Tree, Wallet } from "@capstan/domain"
import { type Caller, CapView, Clients, Database, Trees, Wallets } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"

export interface Balance {
  readonly client: Id.Id
  readonly payer: Id.Id
  readonly at: Instant.Instant
  readonly currency: Currency.Currency
  /** What the lots hold, less what is owed. Held credits are not in it. */
  readonly balance: Credits.Credits
  /** What could be spent now, on anything, within all caps. */
  readonly available: Credits.Credits
  readonly held: Credits.Credits
  readonly unlimited: boolean
  /** In burn order. */
  readonly lots: ReadonlyArray<Wallet.Lot>
  /** The client's own, while it draws on an ancestor's wallet. */
  readonly sleepingLots: ReadonlyArray<Wallet.Lot>
  readonly nextExpiry: { readonly at: Instant.Instant; readonly amount: Credits.Credits } | null
  readonly overage: Wallet.State["overage"]
  readonly overdraft: Wallet.State["overdraft"] & { readonly limit: Credits.Credits }
  readonly debt: Credits.Credits
  readonly caps: ReadonlyArray<CapView.Standing>
}

export const getBalance = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name }: { readonly client: string }
): Effect.fn.Return<Balance, Refused, Trees.Trees | Database.Database> {
  const trees = yield* Trees.Trees
  const { db } = yield* Database.Database
  const { branch, at } = yield* Effect.fromResult(yield* Effect.promise(() => trees.look(caller, name)))
  const { payer, terms, wallet } = branch
  const [{ id }] = branch.line
  const client = yield* Effect.promise(() => Clients.find(db, caller, id))
  if (client === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "client", id: name } as const)
  const own = payer === id ? null : yield* Effect.promise(() => Wallets.get(db, caller.organization, id))
  const { available } = Tree.headroom(branch, { at, feature: null, member: null, meter: null })
  const living = (lots: ReadonlyArray<Wallet.Lot>) => lots.filter((lot) => lot.held > 0n || !Wallet.isExpired(lot, at))
  return {
    client: id,
    payer,
    at,
    currency: client.currency,
    balance: Wallet.balance(wallet, at),
    available,
    held: Wallet.held(wallet),
    unlimited: terms.unlimited,
    lots: living(wallet.lots),
    sleepingLots: living(own?.lots ?? []),
    nextExpiry: nextExpiry(wallet.lots, at),
    overage: wallet.overage,
    overdraft: { ...wallet.overdraft, limit: terms.overdraftLimit },
    debt: wallet.debt,
    caps: branch.counters.map((counter) => CapView.present(counter, client.currency))
  }
})

/** The credits that expire next. */
export const nextExpiry = (lots: ReadonlyArray<Wallet.Lot>, at: Instant.Instant): Balance["nextExpiry"] => {
  let next: Balance["nextExpiry"] = null
  for (const lot of lots) {
    if (lot.left === 0n || lot.expiresAt === null || Wallet.isExpired(lot, at)) continue
    if (next === null || lot.expiresAt < next.at) next = { at: lot.expiresAt, amount: lot.left }
    else if (lot.expiresAt === next.at) next = { at: next.at, amount: next.amount + lot.left }
  }
  return next
}
