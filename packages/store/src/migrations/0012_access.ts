/**
 * Tokens change: their secrets are rotated, and the one before stays good for a while. Sessions of people are tokens, too.
 * An answer that tells a secret is kept sealed.
 */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table access_token
    -- Whose session it is; both null where it is a token.
    add column member_id uuid,
    add column operator_id uuid,
    add constraint access_token_of_one check (member_id is null or operator_id is null),
    -- The secret before the present one, and until when it is good.
    add column previous_hash bytea,
    add column previous_until timestamptz(3),
    add constraint access_token_previous check ((previous_hash is null) = (previous_until is null)),
    add column version bigint not null default 1,
    -- Null until it is first changed.
    add column updated_at timestamptz(3)`.execute(db)
  await sql`create index access_token_listed on access_token (organization_id, id)
    where member_id is null and operator_id is null`.execute(db)
  // By the organization's clock, as it was then.
  await sql`alter table access_token_rate add column used_at timestamptz(3)`.execute(db)
  // In place of the answer, which is then null.
  await sql`alter table command_key add column sealed bytea`.execute(db)
}
