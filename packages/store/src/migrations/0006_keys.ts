/** Keys of commands are forgotten in the order in which they came. */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index command_key_by_age on command_key (created_at)`.execute(db)
}
