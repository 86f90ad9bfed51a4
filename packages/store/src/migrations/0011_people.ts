/** People: members of clients, invitations that keep a seat for one, operators of the organization. */
import { type Kysely, sql } from "kysely"

const changes = [
  sql`create table member (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    email text not null,
    name text,
    role text not null check (role in ('OWNER', 'ADMIN', 'DEVELOPER', 'MANAGER', 'STAFF')),
    external_id text,
    onboarded_at timestamptz(3),
    last_seen_at timestamptz(3),
    -- Who has gone stays for the record, and keeps neither seat, address nor external id.
    removed_at timestamptz(3),
    version bigint not null default 1,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client
  )`,
  sql`create unique index member_email on member (organization_id, client_id, lower(email)) where removed_at is null`,
  sql`create unique index member_external_id on member (organization_id, client_id, external_id)
    where external_id is not null and removed_at is null`,
  sql`create unique index member_owner on member (organization_id, client_id) where role = 'OWNER' and removed_at is null`,
  sql`create index member_newest on member (organization_id, created_at desc, id desc) where removed_at is null`,
  sql`create index member_by_client on member (organization_id, client_id, created_at desc, id desc)
    where removed_at is null`,
  sql`create index member_by_email on member (organization_id, lower(email)) where removed_at is null`,

  sql`create table invitation (
    organization_id uuid not null,
    id uuid not null,
    client_id uuid not null,
    email text not null,
    name text,
    role text not null check (role in ('OWNER', 'ADMIN', 'DEVELOPER', 'MANAGER', 'STAFF')),
    -- One whose time is over stays pending, and keeps no seat.
    status text not null check (status in ('pending', 'accepted', 'revoked')),
    invited_by text not null,
    expires_at timestamptz(3) not null,
    -- How often its mail has been asked for.
    sent integer not null default 1,
    sent_at timestamptz(3) not null,
    accepted_at timestamptz(3),
    member_id uuid,
    version bigint not null default 1,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    check ((status = 'accepted') = (member_id is not null)),
    primary key (organization_id, id),
    foreign key (organization_id, client_id) references client,
    foreign key (organization_id, member_id) references member
  )`,
  sql`create unique index invitation_pending on invitation (organization_id, client_id, lower(email))
    where status = 'pending'`,
  sql`create index invitation_newest on invitation (organization_id, created_at desc, id desc)`,
  sql`create index invitation_by_client on invitation (organization_id, client_id, created_at desc, id desc)`,

  sql`create table operator (
    organization_id uuid not null,
    id uuid not null,
    email text not null,
    name text,
    role text not null check (role in ('OWNER', 'ADMIN', 'FINANCE', 'SUPPORT')),
    status text not null check (status in ('invited', 'active', 'removed')),
    invited_by text not null,
    invited_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    accepted_at timestamptz(3),
    removed_at timestamptz(3),
    last_seen_at timestamptz(3),
    version bigint not null default 1,
    created_at timestamptz(3) not null,
    updated_at timestamptz(3) not null,
    primary key (organization_id, id),
    foreign key (organization_id) references organization
  )`,
  sql`create unique index operator_email on operator (organization_id, lower(email)) where status <> 'removed'`,
  sql`create index operator_newest on operator (organization_id, created_at desc, id desc)`
]

export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (const change of changes) await change.execute(db)
}
