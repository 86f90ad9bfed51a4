/** What an organization settles can be changed: by a version, and so that whoever has cached it finds out. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table organization
    add column version bigint not null default 1,
    -- Names the last change of the settings: a debit that was decided by others is decided anew.
    add column stamp uuid not null default gen_random_uuid()`,

  // What a caller last gave as the start of the count: given again, it resets nothing.
  sql`alter table cap add column reset_asked timestamptz(3)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
