/**
 * The event log as audit: by which token a change came, which object it is of, and how it is looked through, newest first.
 *
 * An actor that is an API token is found by the token, so an event is in one of the two indexes.
 */
import { type Kysely, sql } from "kysely"

const steps = [
  // The id of what the event is of: `Objects.of` of its kind and payload.
  sql`alter table event add column token_id uuid, add column object_id text`,
  sql`create index event_newest on event (organization_id, at, id)`,
  sql`drop index event_by_client`,
  sql`create index event_by_client on event (organization_id, client_id, at, id)`,
  sql`create index event_by_kind on event (organization_id, kind text_pattern_ops, client_id, at, id)`,
  sql`create index event_by_actor on event (organization_id, actor, at, id) where actor not like 'token:%'`,
  sql`create index event_by_token on event (organization_id, token_id, at, id) where token_id is not null`,
  sql`create index event_by_object on event (organization_id, object_id, at, id) where object_id is not null`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const step of steps) await step.execute(db)
}
