/**
 * Who pays for a client, of record: a row for each time that it changed. The last one is who pays now.
 *
 * Whose wallet a client draws on follows from its row and those of its ancestors, so what changes any of them, under the
 * lock of their tree, keeps the record of all who are below.
 */
import type { Id, Instant } from "@capstan/domain"
import { sql } from "kysely"
import * as AutoRecharges from "./AutoRecharges.ts"
import type { Trx } from "./Database.ts"

export interface Changed {
  readonly client: Id.Id
  /** Null where it has just come to be. */
  readonly before: Id.Id | null
  readonly after: Id.Id
}

/** Keeps the record of a client and of all below it; those for whom somebody else pays now. */
export const keep = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  { actor, at }: { readonly actor: string; readonly at: Instant.Instant }
): Promise<ReadonlyArray<Changed>> => {
  const { rows } = await sql<Changed>`
    with present as materialized (
      select c.id as client_id, ${payer} as payer_id, last.number, last.payer_id as before
      from client c left join lateral (
        select r.number, r.payer_id from payer_of_record r
        where r.organization_id = ${organization} and r.client_id = c.id order by r.number desc limit 1
      ) last on true
      where c.organization_id = ${organization} and (c.id = ${client} or c.path @> array[${client}::uuid])
    ), changed as (
      select * from present where before is distinct from payer_id
    ), kept as (
      insert into payer_of_record (organization_id, client_id, number, payer_id, since, actor)
      select ${organization}, client_id, coalesce(number, 0) + 1, payer_id, ${new Date(at)}, ${actor} from changed
    )
    select client_id as client, before, payer_id as after from changed order by client_id`.execute(trx)
  // A wallet that slept may wake up, and its recharge with it.
  await AutoRecharges.lookAgain(trx, organization, [client], at)
  return rows
}

/** Of a client `c`: the nearest that does not draw on its parent, itself included. */
const payer = sql`(
  select m.id from unnest(c.path || c.id) with ordinality as l(id, depth)
  join client m on m.organization_id = c.organization_id and m.id = l.id
  where not m.uses_parent_balance or m.parent_id is null order by l.depth desc limit 1
)`
