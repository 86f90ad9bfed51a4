/** Sessions are found by whose they are, and are forgotten some time after their end. */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`create index access_token_of_member on access_token (organization_id, member_id, id)
    where member_id is not null`.execute(db)
  await sql`create index access_token_of_operator on access_token (organization_id, operator_id, id)
    where operator_id is not null`.execute(db)
  await sql`create index access_token_session_end on access_token (expires_at)
    where member_id is not null or operator_id is not null`.execute(db)
}
