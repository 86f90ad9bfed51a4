/** Answers that keys have are of the client that they are about, so that they forget with it who it was. */
import { type Kysely, sql } from "kysely"

export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table command_key add column client_id uuid`.execute(db)
  await sql`update command_key set client_id = substring(case
      when json_typeof(answer -> 'client') = 'object' then answer -> 'client' ->> 'id'
      when procedure like 'clients.%' then answer ->> 'id'
      else coalesce(answer ->> 'client', answer -> 'invitation' ->> 'client')
    end from '^[0-9a-f-]{36}$')::uuid
    where json_typeof(answer) = 'object'`.execute(db)
  await sql`create index command_key_of_client on command_key (organization_id, client_id)
    where client_id is not null`.execute(db)
}
