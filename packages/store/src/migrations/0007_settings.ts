/** What is settled for an organization or a client can be changed: by a version, and so that caches find out. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table organization
    add column version bigint not null default 1,
    -- Names the last change of the settings: a debit that was decided by others is decided anew.
    add column stamp uuid not null default gen_random_uuid()`,

  // What was given last as the start of its cap's count: given again, it resets nothing.
  sql`alter table client add column cap_reset_asked timestamptz(3)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
