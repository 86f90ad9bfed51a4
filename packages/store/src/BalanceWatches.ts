/** What clients are told of their balance: below what, and when they were told. */
import type { Id, Instant } from "@capstan/domain"
import type { Kysely } from "kysely"
import type { Trx } from "./Database.ts"
import type { Tables } from "./Tables.ts"

/** Below which balance the client is told of it; null for never. */
export const low = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<bigint | null> => {
  const row = await db
    .selectFrom("balance_watch")
    .select("low")
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .executeTakeFirst()
  return row?.low ?? null
}

/** Whether the client is told of a balance below something; made where it is not there. */
export const set = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  low: bigint | null,
  /** Leaves what is there as it is. */
  { ifNone = false }: { readonly ifNone?: boolean } = {}
): Promise<void> => {
  await trx
    .insertInto("balance_watch")
    .values({ organization_id: organization, client_id: client, low })
    .onConflict((conflict) => {
      const there = conflict.columns(["organization_id", "client_id"])
      return ifNone ? there.doNothing() : there.doUpdateSet({ low })
    })
    .execute()
}

/** That a client was told that its balance is low, or that nothing is left. */
export const notified = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  notice: "low" | "out",
  at: Instant.Instant
): Promise<void> => {
  const when = new Date(at)
  await trx
    .updateTable("client")
    .set(notice === "low" ? { low_balance_notified_at: when } : { out_of_balance_notified_at: when })
    .where("organization_id", "=", organization)
    .where("id", "=", client)
    .execute()
}
