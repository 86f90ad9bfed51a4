/** That a client was told how much of a spending cap is used. No debit depends on it. */
import type { Id, Instant } from "@capstan/domain"
import type { Trx } from "../Database.ts"

export const notified = async (trx: Trx, organization: Id.Id, client: Id.Id, at: Instant.Instant): Promise<void> => {
  await trx
    .updateTable("client")
    .set({ spending_cap_notified_at: new Date(at) })
    .where("organization_id", "=", organization)
    .where("id", "=", client)
    .execute()
}
