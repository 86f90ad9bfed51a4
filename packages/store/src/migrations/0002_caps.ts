/** Caps of a member or a meter, capped amounts, forecasts, and raises that need consent. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table cap
    -- Only what this member spends, or what is spent on this meter; null for all.
    add column member text,
    add column meter text,
    -- What the fixed charges of a window take of the limit.
    add column committed_cost bigint not null default 0`,

  // Also of those that were removed: the versions of a name are one count.
  sql`create index cap_by_client on cap (organization_id, client_id, name, version)`,

  // Whether it has been told that the window will pass its limit, at the rate it is spent at.
  sql`alter table cap_window add column forecast boolean not null default false`,

  sql`alter table entry add column member text, add column meter text`,
  sql`alter table hold add column member text, add column meter text`,

  sql`create table cap_raise (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    cap_id uuid not null,
    limit_cost bigint not null,
    -- The limit when it was asked for.
    before_cost bigint not null,
    consent text not null check (consent in ('none', 'payer', 'provider')),
    status text not null check (status in ('pending', 'approved', 'declined', 'expired')),
    note text,
    requested_by text not null,
    requested_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    decided_by text,
    decided_at timestamptz(3),
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client,
    foreign key (organization_id, cap_id) references cap
  )`,
  sql`create unique index cap_raise_pending on cap_raise (organization_id, cap_id) where status = 'pending'`,
  sql`create index cap_raise_due on cap_raise (organization_id, expires_at) where status = 'pending'`,
  sql`create index cap_raise_by_client on cap_raise (organization_id, client_id, requested_at desc, id desc)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
