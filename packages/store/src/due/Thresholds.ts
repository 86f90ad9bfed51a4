/** That a client was told how much of a spending cap is used. No debit depends on it. */
import type { Id, Instant } from "@capstan/domain"
import { sql } from "kysely"
import type { Trx } from "../Database.ts"

/** Of a window that still is its cap's last one: what is told of another is no news of the present. */
export const notified = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  at: Instant.Instant,
  window: { readonly cap: Id.Id; readonly start: Instant.Instant }
): Promise<void> => {
  await sql`
    update client set spending_cap_notified_at = ${new Date(at)}
    where organization_id = ${organization} and id = ${client} and not exists (
      select from cap c where c.organization_id = ${organization} and c.id = ${window.cap} and c.removed_at is not null
    ) and not exists (
      select from cap_window w where w.organization_id = ${organization} and w.cap_id = ${window.cap}
        and w.starts_at > ${new Date(window.start)}
    )`.execute(trx)
}

/** Its window starts anew: nothing of it has been told. */
export const forgotten = async (trx: Trx, organization: Id.Id, client: Id.Id): Promise<void> => {
  await trx
    .updateTable("client")
    .set({ spending_cap_notified_at: null })
    .where("organization_id", "=", organization)
    .where("id", "=", client)
    .execute()
}
