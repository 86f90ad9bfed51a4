/** Since when whoever pays has to confirm a payment at the provider's: not for ever. */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table payment add column action_at timestamptz(3)`.execute(db)
}
