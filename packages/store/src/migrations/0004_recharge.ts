/** What is watched of a balance: when to tell that it is low, and when to buy more. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table client
    add column low_balance_notified_at timestamptz(3),
    add column out_of_balance_notified_at timestamptz(3)`,

  sql`create table balance_watch (
    organization_id uuid not null,
    client_id uuid not null,
    -- It is told of a balance below this; null for never.
    low bigint,
    -- What has been told since the balance was last back.
    notice text not null default 'none' check (notice in ('none', 'low', 'out')),
    primary key (organization_id, client_id),
    foreign key (organization_id, client_id) references client
  ) with (fillfactor = 80)`,

  sql`create table auto_recharge (
    organization_id uuid not null,
    client_id uuid not null,
    enabled boolean not null,
    threshold bigint not null,
    amount bigint not null,
    pack_id uuid not null,
    -- Minor units; null for no ceiling.
    max_per_day bigint,
    max_per_month bigint,
    cooldown_ms bigint not null,
    consented_by text,
    consented_at timestamptz(3),
    -- A recharge that was switched off in flight is so until it is settled.
    phase text not null check (phase in ('off', 'armed', 'wanted', 'in_flight', 'cooling', 'stopped')),
    -- How often the balance has fallen below the threshold, or a debit been refused for want of credits.
    crossing bigint not null default 0,
    -- The balance with which the largest such debit would have passed.
    target bigint not null default 0,
    -- Why it waits, where it is wanted and may not be begun.
    waits text,
    -- Since when it cools down.
    cooled_at timestamptz(3),
    stopped_reason text,
    stopped_class text,
    stopped_code text,
    stopped_message text,
    stopped_at timestamptz(3),
    -- When it is to be looked at next.
    due_at timestamptz(3),
    version bigint not null default 1,
    updated_at timestamptz(3) not null,
    primary key (organization_id, client_id),
    foreign key (organization_id, client_id) references client,
    foreign key (organization_id, pack_id) references credit_pack
  ) with (fillfactor = 80)`,
  sql`create index auto_recharge_due on auto_recharge (organization_id, due_at) where due_at is not null`,
  sql`create index auto_recharge_wanted on auto_recharge (organization_id, client_id) where phase = 'wanted'`,

  sql`create table recharge (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    crossing bigint not null,
    order_id uuid not null,
    credits bigint not null,
    amount bigint not null,
    status text not null check (status in ('in_flight', 'succeeded', 'failed')),
    -- The ceilings that held when it was begun, and the zone whose days and months they are of.
    max_per_day bigint,
    max_per_month bigint,
    time_zone text not null,
    failure text,
    failure_code text,
    failure_message text,
    at timestamptz(3) not null,
    settled_at timestamptz(3),
    primary key (organization_id, id),
    unique (organization_id, client_id, crossing),
    foreign key (organization_id, order_id) references billing_order
  )`,
  // At most one in flight for a wallet.
  sql`create unique index recharge_in_flight on recharge (organization_id, client_id) where status = 'in_flight'`,
  sql`create index recharge_by_client on recharge (organization_id, client_id, at desc, id desc)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
