/** Clients that move: who paid for them since when, from which tree they came, and holds that a move has cut in two. */
import { type Kysely, sql } from "kysely"

const changes = [
  // What becomes of a hold that nobody settles: leases are captured.
  sql`alter table hold
    add column at_end text not null default 'release' check (at_end in ('release', 'capture')),
    -- The other half, in another tree, of a hold whose client has moved away from who pays for it.
    add column twin_id uuid,
    -- The move that it comes from, where it is such a half and was never reserved itself.
    add column cut_by uuid`,

  sql`create table payer_of_record (
    organization_id uuid not null,
    client_id uuid not null,
    -- The client's own count.
    number integer not null,
    payer_id uuid not null,
    since timestamptz(3) not null,
    actor text not null,
    primary key (organization_id, client_id, number),
    foreign key (organization_id, client_id) references client
  )`,

  // Who was there before pays as it stands.
  sql`insert into payer_of_record
    select c.organization_id, c.id, 1, (
      select m.id from unnest(c.path || c.id) with ordinality as l(id, depth)
      join client m on m.organization_id = c.organization_id and m.id = l.id
      where not m.uses_parent_balance or m.parent_id is null order by l.depth desc limit 1
    ), c.created_at, 'system'
    from client c`,

  sql`create table client_move (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    from_root uuid not null,
    to_root uuid not null,
    from_parent uuid,
    to_parent uuid,
    actor text not null,
    at timestamptz(3) not null,
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client
  )`,
  sql`create index client_move_by_from on client_move (organization_id, from_root)`,
  sql`create index client_move_by_to on client_move (organization_id, to_root)`,
  sql`create index hold_cut on hold (organization_id, cut_by) where cut_by is not null`,
  sql`create index client_move_by_client on client_move (organization_id, client_id, at)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
