/**
 * The tenants, their clients in trees, and the ledger.
 *
 * `organization_id` comes first in every key, so that the same tables can be distributed by it. Instants have three
 * decimals, as the domain has. One statement a query: a distributed database takes no more. What is written on every
 * debit is `json`, checked but not parsed by the server, with amounts as strings.
 */
import { type Kysely, sql } from "kysely"

const tables = [
  sql`create table organization (
    id uuid primary key,
    name text not null,
    mode text not null check (mode in ('live', 'sandbox')),
    currency text not null,
    time_zone text not null,
    -- How far the clock of a sandbox is ahead of the machine's.
    clock_ahead_ms bigint not null default 0 check (mode = 'sandbox' or clock_ahead_ms = 0),
    settings json not null default '{}',
    created_at timestamptz(3) not null
  )`,

  sql`create table access_token (
    organization_id uuid not null references organization,
    id uuid not null,
    name text not null,
    secret_hash bytea not null,
    scopes text[] not null,
    -- The client whose subtree it is confined to; null for the whole organization.
    reach uuid,
    per_second integer not null,
    created_by text not null,
    created_at timestamptz(3) not null,
    expires_at timestamptz(3),
    revoked_at timestamptz(3),
    primary key (organization_id, id)
  )`,

  // A token bucket. It need not survive a crash, and is written without waiting for the disk.
  sql`create table access_token_rate (
    organization_id uuid not null,
    token_id uuid not null,
    allowance double precision not null,
    at timestamptz not null,
    primary key (organization_id, token_id)
  ) with (fillfactor = 20)`,

  // The unit of consistency: whatever writes what a debit of the tree depends on, locks this row first and stamps it.
  sql`create table tree (
    organization_id uuid not null references organization,
    root_id uuid not null,
    -- Names the transaction that last wrote to the tree.
    stamp uuid not null,
    -- The latest instant that was decided at: decisions of a tree never go back in time.
    at timestamptz(3) not null,
    primary key (organization_id, root_id)
  ) with (fillfactor = 30)`,

  sql`create table client (
    organization_id uuid not null,
    id uuid not null,
    root_id uuid not null,
    parent_id uuid,
    -- The ancestors, root first.
    path uuid[] not null,
    external_id text,
    name text not null,
    email text,
    currency text not null,
    time_zone text not null,
    metadata jsonb not null default '{}',
    uses_parent_balance boolean not null default false,
    overdraft_limit bigint not null default 0,
    onboarded_at timestamptz(3),
    closed_at timestamptz(3),
    suspensions json not null default '[]',
    spending_cap_notified_at timestamptz(3),
    version bigint not null default 1,
    -- How many events the log has of it.
    events bigint not null default 0,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    primary key (organization_id, id),
    unique (organization_id, external_id),
    foreign key (organization_id, root_id) references tree,
    foreign key (organization_id, parent_id) references client
  ) with (fillfactor = 80)`,
  sql`create index client_newest on client (organization_id, created_at desc, id desc)`,
  sql`create index client_by_parent on client (organization_id, parent_id)`,
  sql`create index client_by_path on client using gin (path)`,

  sql`create table plan_version (
    organization_id uuid not null references organization,
    id uuid not null,
    plan_key text not null,
    version integer not null,
    name text not null,
    price bigint not null,
    terms json not null,
    created_at timestamptz(3) not null,
    primary key (organization_id, id),
    unique (organization_id, plan_key, version)
  )`,

  sql`create table subscription (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    plan_version_id uuid not null,
    base boolean not null,
    status text not null,
    grace_ends_at timestamptz(3),
    -- When the credit clock strikes next; null while it is stopped or never renews.
    next_credit_renewal_at timestamptz(3),
    state json not null,
    version bigint not null default 1,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client,
    foreign key (organization_id, plan_version_id) references plan_version
  )`,
  sql`create unique index subscription_base on subscription (organization_id, client_id)
    where base and status <> 'canceled'`,
  sql`create index subscription_by_client on subscription (organization_id, client_id, created_at)`,
  sql`create index subscription_due on subscription (organization_id, next_credit_renewal_at)
    where next_credit_renewal_at is not null`,

  sql`create table wallet (
    organization_id uuid not null,
    client_id uuid not null,
    seq bigint not null default 0,
    -- The lots as they were when one last came or ended; remainders say what is left and held of each since.
    lots json not null default '[]',
    remainders json,
    -- What is owed beyond the lots; null while nothing is.
    beyond json,
    next_expiry timestamptz(3),
    primary key (organization_id, client_id),
    foreign key (organization_id, client_id) references client
  ) with (fillfactor = 60)`,
  sql`create index wallet_due on wallet (organization_id, next_expiry) where next_expiry is not null`,

  // The ledger: the events of wallets, for ever. No foreign keys, they cost a sixth of the speed; doctor checks them.
  sql`create table entry (
    organization_id uuid not null,
    payer_id uuid not null,
    seq bigint not null,
    client_id uuid not null,
    namespace text not null,
    key text not null check (length(key) between 1 and 255),
    request_hash bytea,
    kind text not null,
    asked bigint,
    amount bigint not null,
    balance bigint not null,
    detail json not null,
    counts json,
    hold_id uuid,
    at timestamptz(3) not null,
    effective_at timestamptz(3),
    primary key (organization_id, payer_id, seq),
    unique (organization_id, client_id, namespace, key)
  )`,

  // Where lots came from, which a reversal asks.
  sql`create index entry_incoming on entry (organization_id, payer_id, seq)
    where kind in ('Granted', 'Renewed', 'Reversed')`,

  sql`create table hold (
    organization_id uuid not null,
    id uuid not null,
    root_id uuid not null,
    client_id uuid not null,
    payer_id uuid not null,
    amount bigint not null,
    portions json not null,
    places json not null,
    expires_at timestamptz(3) not null,
    outcome text,
    captured bigint,
    settled_at timestamptz(3),
    created_at timestamptz(3) not null,
    primary key (organization_id, id)
  )`,
  sql`create index hold_open on hold (organization_id, root_id, expires_at) where outcome is null`,
  sql`create index hold_due on hold (organization_id, expires_at) where outcome is null`,

  sql`create table cap (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    name text not null,
    limit_cost bigint not null,
    every text not null,
    scope text not null,
    enforcement text not null,
    thresholds smallint[] not null,
    anchor timestamptz(3) not null,
    version bigint not null default 1,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    removed_at timestamptz(3),
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client
  )`,
  sql`create unique index cap_by_name on cap (organization_id, client_id, name) where removed_at is null`,

  sql`create table cap_window (
    organization_id uuid not null,
    cap_id uuid not null,
    starts_at timestamptz(3) not null,
    ends_at timestamptz(3),
    used bigint not null,
    held bigint not null,
    told smallint not null default 0,
    primary key (organization_id, cap_id, starts_at)
  ) with (fillfactor = 50)`,

  // Keys of commands that leave no ledger entry, with the answer to give again.
  sql`create table command_key (
    organization_id uuid not null references organization,
    procedure text not null,
    key text not null,
    request_hash bytea not null,
    answer json not null,
    created_at timestamptz(3) not null default now(),
    primary key (organization_id, procedure, key)
  )`,

  // Audit, outbox and source of webhooks at once.
  sql`create table event (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid,
    -- The client's own count.
    number bigint not null,
    kind text not null,
    actor text not null,
    at timestamptz(3) not null,
    payload json not null,
    recorded_at timestamptz(3) not null default now(),
    relayed_at timestamptz(3),
    primary key (organization_id, id, recorded_at)
  ) partition by range (recorded_at)`,
  sql`create table event_default partition of event default`,
  sql`create index event_by_client on event (organization_id, client_id, number)`,
  sql`create index event_to_relay on event (organization_id, client_id, number) where relayed_at is null`,

  sql`create function require(held boolean, what text) returns void language plpgsql as $$
    begin
      if held is not true then raise exception using errcode = 'CP001', message = what; end if;
    end
  $$`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const table of tables) await table.execute(db)
}
