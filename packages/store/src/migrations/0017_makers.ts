/** A session knows the token that made it, and is never more than that is now. */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Null where it is a token, or was made by none.
  await sql`alter table access_token add column maker_id uuid`.execute(db)
  // Who opened a session by a token is known; what a session opened ends.
  await sql`update access_token set maker_id = substring(created_by from 7)::uuid
    where (member_id is not null or operator_id is not null) and created_by ~ '^token:[0-9a-f-]{36}$'`.execute(db)
  await sql`update access_token set revoked_at = now()
    where (member_id is not null or operator_id is not null) and maker_id is null and revoked_at is null`.execute(db)
}
