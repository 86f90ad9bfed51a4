/**
 * What is sold besides plans, and how it is paid: credit packs, orders, payments and the methods they are made with.
 *
 * A payment is an intent before it is anything else: its row is there before the provider hears of it, and the provider's
 * key is made from its id.
 */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`create table gateway_connection (
    organization_id uuid not null references organization,
    id uuid not null,
    gateway text not null,
    name text not null,
    -- Sealed: nobody reads it without the secret of the installation.
    secret bytea not null,
    created_at timestamptz(3) not null,
    disconnected_at timestamptz(3),
    primary key (organization_id, id)
  )`,
  // What a provider tells names the connection alone.
  sql`create index gateway_connection_by_id on gateway_connection (id)`,

  sql`create table payment_method (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    connection_id uuid not null,
    -- The provider's name of it.
    reference text not null,
    type text not null,
    brand text,
    last4 text,
    is_default boolean not null,
    -- Declines in a row.
    declines integer not null default 0,
    inactive boolean not null default false,
    failed_at timestamptz(3),
    failed_code text,
    failed_message text,
    created_at timestamptz(3) not null,
    removed_at timestamptz(3),
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client,
    foreign key (organization_id, connection_id) references gateway_connection
  )`,
  sql`create unique index payment_method_default on payment_method (organization_id, client_id)
    where is_default and removed_at is null`,
  sql`create unique index payment_method_reference on payment_method (organization_id, connection_id, reference)
    where removed_at is null`,
  sql`create index payment_method_by_client on payment_method (organization_id, client_id, created_at)`,

  sql`create table credit_pack (
    organization_id uuid not null references organization,
    id uuid not null,
    pack_key text not null,
    version integer not null,
    name text not null,
    price bigint not null,
    currency text not null,
    credits bigint not null,
    -- How long its credits last; null for ever.
    lasts json,
    created_at timestamptz(3) not null,
    archived_at timestamptz(3),
    primary key (organization_id, id),
    unique (organization_id, pack_key, version)
  )`,

  sql`create table billing_order (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    reason text not null check (reason in ('purchase', 'auto_recharge', 'overage')),
    -- What it is for: with the reason, there is one order of it.
    reference text not null,
    -- Of the request that placed it; null where nobody asked.
    request_hash bytea,
    status text not null check (status in ('pending', 'paid', 'partially_refunded', 'refunded', 'void')),
    currency text not null,
    subtotal bigint not null,
    tax bigint not null default 0,
    total bigint not null,
    -- All that went back of it.
    refunded bigint not null default 0 check (refunded between 0 and total),
    created_at timestamptz(3) not null,
    paid_at timestamptz(3),
    updated_at timestamptz(3) not null,
    primary key (organization_id, id),
    unique (organization_id, client_id, reason, reference),
    foreign key (organization_id, client_id) references client
  )`,
  // A purchase is named by its key, which is unique in the organization.
  sql`create unique index billing_order_purchase on billing_order (organization_id, reference) where reason = 'purchase'`,
  sql`create index billing_order_by_client on billing_order (organization_id, client_id, created_at desc, id desc)`,

  sql`create index billing_order_by_time on billing_order (organization_id, created_at desc, id desc)`,
  sql`create table order_line (
    organization_id uuid not null,
    order_id uuid not null,
    position smallint not null,
    description text not null,
    pack_id uuid,
    -- Credits that it grants, or that it invoices.
    credits bigint,
    -- Minor units a credit, exact.
    unit_price text not null,
    amount bigint not null,
    primary key (organization_id, order_id, position),
    foreign key (organization_id, order_id) references billing_order
  )`,

  sql`create table payment (
    organization_id uuid not null,
    id uuid not null,
    order_id uuid not null,
    client_id uuid not null,
    method_id uuid not null,
    connection_id uuid not null,
    amount bigint not null,
    currency text not null,
    -- created: nobody has asked the provider; sent: somebody may have; unknown: asked, and it is not known what came of it.
    status text not null check (status in ('created', 'sent', 'unknown', 'succeeded', 'declined', 'action_required')),
    -- The provider's name of it, once it has one.
    reference text,
    action_url text,
    decline_class text,
    decline_code text,
    decline_message text,
    tries integer not null default 0,
    -- When it is to be looked at next.
    due_at timestamptz(3),
    -- Since when it was not known what came of it, the first time.
    unknown_at timestamptz(3),
    refunded bigint not null default 0 check (refunded between 0 and amount),
    created_at timestamptz(3) not null,
    settled_at timestamptz(3),
    primary key (organization_id, id),
    foreign key (organization_id, order_id) references billing_order,
    foreign key (organization_id, method_id) references payment_method
  )`,
  // Money moves once: beside a payment that has not failed, an order has no other.
  sql`create unique index payment_live on payment (organization_id, order_id) where status <> 'declined'`,
  sql`create index payment_due on payment (organization_id, due_at) where due_at is not null`,
  sql`create index payment_by_order on payment (organization_id, order_id)`,
  sql`create index payment_by_time on payment (organization_id, created_at desc, id desc)`,
  sql`create index payment_by_client on payment (organization_id, client_id, created_at desc, id desc)`,
  sql`create index payment_by_reference on payment (organization_id, connection_id, reference) where reference is not null`,

  // Money that went back, by us or by the bank, and what became of the credits.
  sql`create table payment_reversal (
    organization_id uuid not null,
    id uuid not null,
    payment_id uuid not null,
    kind text not null check (kind in ('refund', 'chargeback')),
    -- The key that the provider refunds under, or the provider's name of a chargeback: told again, it is the same.
    reference text not null,
    -- Of the request for it; null where nobody asked.
    request_key text,
    request_hash bytea,
    status text not null check (status in ('created', 'sent', 'unknown', 'succeeded', 'declined')),
    amount bigint not null,
    policy text not null check (policy in ('block', 'owe', 'forgive')),
    credits bigint not null default 0,
    taken bigint not null default 0,
    owed bigint not null default 0,
    forgiven bigint not null default 0,
    tries integer not null default 0,
    decline_class text,
    decline_code text,
    decline_message text,
    unknown_at timestamptz(3),
    due_at timestamptz(3),
    created_at timestamptz(3) not null,
    settled_at timestamptz(3),
    primary key (organization_id, id),
    unique (organization_id, payment_id, reference),
    foreign key (organization_id, payment_id) references payment
  )`,
  sql`create unique index payment_reversal_asked on payment_reversal (organization_id, request_key)
    where request_key is not null and status <> 'declined'`,
  sql`create index payment_reversal_due on payment_reversal (organization_id, due_at) where due_at is not null`,

  // The provider of sandboxes. Nothing of ours joins these tables: they stand for somebody else's.
  sql`create table sandbox_method (
    organization_id uuid not null,
    reference text not null,
    -- Whose it is, once it has been entered.
    customer text,
    -- How often something new has been asked of it.
    charges integer not null default 0,
    detached boolean not null default false,
    created_at timestamptz(3) not null default now(),
    primary key (organization_id, reference)
  )`,
  // How often each key has been asked with.
  sql`create table sandbox_request (
    organization_id uuid not null,
    operation text not null check (operation in ('charge', 'refund')),
    key text not null,
    tries integer not null,
    primary key (organization_id, operation, key)
  )`,
  sql`create table sandbox_charge (
    organization_id uuid not null,
    key text not null,
    reference text not null,
    method text not null,
    amount bigint not null,
    currency text not null,
    outcome json not null,
    refunded bigint not null default 0,
    charged_back bigint not null default 0,
    created_at timestamptz(3) not null default now(),
    primary key (organization_id, key),
    check (refunded + charged_back <= amount)
  )`,
  sql`create unique index sandbox_charge_reference on sandbox_charge (organization_id, reference)`,
  sql`create table sandbox_refund (
    organization_id uuid not null,
    key text not null,
    charge_reference text not null,
    amount bigint not null,
    reference text not null,
    created_at timestamptz(3) not null default now(),
    primary key (organization_id, key)
  )`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
