/** Recharges that wait are looked at again where what they wait for may have changed. */
import type { Id, Instant } from "@capstan/domain"
import type { Query } from "./Query.ts"

const text = `
update auto_recharge a set due_at = $3 from client c
where a.organization_id = $1 and a.phase = 'wanted' and a.waits is not null
  and c.organization_id = a.organization_id and c.id = a.client_id and (c.id = any($2::uuid[]) or c.path && $2::uuid[])`

/** Those of some clients, and of all below them. */
export const lookAgain = async (
  query: Query,
  organization: Id.Id,
  clients: Iterable<Id.Id>,
  at: Instant.Instant
): Promise<void> => {
  const ids = [...clients]
  if (ids.length > 0) await query("look-again", text, [organization, ids, new Date(at)])
}
