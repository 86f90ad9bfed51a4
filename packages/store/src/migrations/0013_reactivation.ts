/**
 * Orders for a money period of a subscription, and what is to come of them once they are paid.
 *
 * A period has one order at a time, whoever pays: one that is void, or whose money has all gone back, may be followed by
 * another.
 */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`alter table billing_order drop constraint billing_order_reason_check`,
  sql`alter table billing_order add constraint billing_order_reason_check
    check (reason in ('purchase', 'auto_recharge', 'overage', 'subscription_cycle'))`,
  sql`alter table billing_order drop constraint billing_order_organization_id_client_id_reason_reference_key`,
  sql`create unique index billing_order_once on billing_order (organization_id, client_id, reason, reference)
    where reason <> 'subscription_cycle'`,
  sql`create unique index billing_order_cycle on billing_order (organization_id, reference)
    where reason = 'subscription_cycle' and status not in ('void', 'refunded')`,

  sql`create table billed_period (
    organization_id uuid not null,
    order_id uuid not null,
    -- Who subscribes; who pays stands on the order.
    client_id uuid not null,
    subscription_id uuid not null,
    plan_version_id uuid not null,
    epoch integer not null,
    period integer not null,
    starts_at timestamptz(3) not null,
    ends_at timestamptz(3) not null,
    -- Who asked for the client's suspension to be lifted once it is paid; null where nobody did.
    lifted_by text,
    -- Of that request.
    request_key text,
    request_hash bytea,
    -- What came of the money, once it has come.
    outcome text check (outcome in ('served', 'given_back')),
    -- Why it was given back.
    reason text,
    settled_at timestamptz(3),
    primary key (organization_id, order_id),
    foreign key (organization_id, order_id) references billing_order,
    foreign key (organization_id, subscription_id) references subscription
  )`,
  sql`create index billed_period_by_subscription on billed_period (organization_id, subscription_id, epoch, period)`,
  sql`create index billed_period_asked on billed_period (organization_id, request_key) where request_key is not null`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
