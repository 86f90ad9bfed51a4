/** Who a client is for invoices and in which language, and that one was deleted. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table client
    add column billing_name text,
    add column billing_address json,
    add column tax_id text,
    add column tax_id_type text,
    add column locale text,
    add column logo_url text,
    add column deleted_at timestamptz(3),
    -- What its external id was: that is free for another.
    add column deleted_external_id text,
    add column anonymized_at timestamptz(3)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
