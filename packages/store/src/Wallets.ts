/** Wallets, read. They are written by `Trees` alone. */
import { type Id, Wallet } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Tables } from "./Tables.ts"
import { toWallet, type WalletJson } from "./trees/Rows.ts"

export const get = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<Wallet.State> => {
  const { rows } = await sql<WalletJson>`
    select seq::text as seq, lots, remainders, beyond from wallet
    where organization_id = ${organization} and client_id = ${client}`.execute(db)
  return rows[0] === undefined ? Wallet.initial : toWallet(rows[0])
}
