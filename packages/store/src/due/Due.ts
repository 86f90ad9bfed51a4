/**
 * What is due in an organization, found by index: credit clocks that strike, lots that end, holds that lapse, payments and
 * refunds whose outcome is to be learnt.
 *
 * What is found is claimed: the roots of its trees are locked, and trees that someone else has locked are left for
 * later. At most fifty trees at a time. What was tried in vain is named by the caller, and not found again.
 */
import type { Id, Instant } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Trx } from "../Database.ts"
import type { Tables } from "../Tables.ts"

export interface Found {
  /** The subscription, the wallet's client, or the root of the tree with holds. */
  readonly id: Id.Id
  /** Changes with every success: found with the same mark again, nothing came of it. */
  readonly mark: string
}

/** When each kind is due first; null for never. */
export interface First {
  readonly renewal: Instant.Instant | null
  readonly expiry: Instant.Instant | null
  readonly lapse: Instant.Instant | null
  readonly raise: Instant.Instant | null
  readonly recharge: Instant.Instant | null
  readonly payment: Instant.Instant | null
  readonly refund: Instant.Instant | null
}

export interface Organization extends First {
  readonly id: Id.Id
  /** By its own clock. */
  readonly now: Instant.Instant
}

const most = 50

/** A lot of a wallet that sleeps, since its client draws on the parent's, has its end when the wallet wakes. */
const awake = sql`not (c.uses_parent_balance and c.parent_id is not null)`

const firstOf = (organization: ReturnType<typeof sql>, after: ReturnType<typeof sql>) => sql`
  (select min(s.next_credit_renewal_at) from subscription s
    where s.organization_id = ${organization} and s.next_credit_renewal_at > ${after}) as renewal,
  (select w.next_expiry from wallet w join client c on c.organization_id = w.organization_id and c.id = w.client_id
    where w.organization_id = ${organization} and w.next_expiry > ${after} and ${awake}
    order by w.next_expiry limit 1) as expiry,
  (select min(h.expires_at) from hold h
    where h.organization_id = ${organization} and h.outcome is null and h.expires_at > ${after}) as lapse,
  (select min(r.expires_at) from cap_raise r
    where r.organization_id = ${organization} and r.status = 'pending' and r.expires_at > ${after}) as raise,
  (select min(a.due_at) from auto_recharge a
    where a.organization_id = ${organization} and a.due_at > ${after}) as recharge,
  (select min(p.due_at) from payment p where p.organization_id = ${organization} and p.due_at > ${after}) as payment,
  (select min(r.due_at) from payment_reversal r
    where r.organization_id = ${organization} and r.due_at > ${after}) as refund`

const clock = sql`floor(extract(epoch from statement_timestamp()) * 1000)::float8 + o.clock_ahead_ms::float8`

/** What time it is in an organization; undefined where there is none. */
export const now = async (db: Kysely<Tables>, organization: Id.Id): Promise<Instant.Instant | undefined> => {
  const { rows } = await sql<{ now: Instant.Instant }>`
    select ${clock} as now from organization o where o.id = ${organization}`.execute(db)
  return rows[0]?.now
}

/** Some organizations after one, in the order of their ids. */
export const organizations = async (
  db: Kysely<Tables>,
  after: Id.Id | null,
  limit: number
): Promise<ReadonlyArray<Organization>> => {
  const { rows } = await sql<Organization>`
    select o.id, ${clock} as now,
      ${firstOf(sql`o.id`, sql`'-infinity'`)}
    from organization o where ${after}::uuid is null or o.id > ${after} order by o.id limit ${limit}`.execute(db)
  return rows
}

/** What comes first after an instant; after null, of all. */
export const first = async (db: Kysely<Tables>, organization: Id.Id, after: Instant.Instant | null): Promise<First> => {
  const start = after === null ? sql`'-infinity'` : sql`${new Date(after)}::timestamptz`
  const { rows } = await sql<First>`select ${firstOf(sql`${organization}::uuid`, start)}`.execute(db)
  return (
    rows[0] ?? { renewal: null, expiry: null, lapse: null, raise: null, recharge: null, payment: null, refund: null }
  )
}

/** Outside of a transaction, the locks only tell which trees are free. */
export const renewals = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    select s.id, s.next_credit_renewal_at::text as mark from subscription s
    join client c on c.organization_id = s.organization_id and c.id = s.client_id
    join tree t on t.organization_id = c.organization_id and t.root_id = c.root_id
    where s.organization_id = ${organization} and s.next_credit_renewal_at <= ${new Date(until)}
      and s.id <> all(${[...except]}::uuid[])
    order by s.next_credit_renewal_at limit ${most} for no key update of t skip locked`.execute(db)
  return rows
}

export const expiries = async (
  trx: Trx,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    select w.client_id as id, w.next_expiry::text as mark from wallet w
    join client c on c.organization_id = w.organization_id and c.id = w.client_id
    join tree t on t.organization_id = c.organization_id and t.root_id = c.root_id
    where w.organization_id = ${organization} and w.next_expiry <= ${new Date(until)} and ${awake}
      and w.client_id <> all(${[...except]}::uuid[])
    order by w.next_expiry limit ${most} for no key update of t skip locked`.execute(trx)
  return rows
}

/** Clients with raises that nobody has decided on in time. */
export const raises = async (
  trx: Trx,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    with due as materialized (
      select client_id, count(*)::text as mark from (
        select r.client_id from cap_raise r
        where r.organization_id = ${organization} and r.status = 'pending' and r.expires_at <= ${new Date(until)}
          and r.client_id <> all(${[...except]}::uuid[])
        order by r.expires_at limit 5000
      ) r group by client_id order by client_id limit ${most}
    )
    select c.id, d.mark from due d
    join client c on c.organization_id = ${organization} and c.id = d.client_id
    join tree t on t.organization_id = c.organization_id and t.root_id = c.root_id
    order by t.root_id for no key update of t skip locked`.execute(trx)
  return rows
}

/** A tree may have more holds than one transaction settles: it is found until none is left. */
export const lapses = async (
  trx: Trx,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    with due as materialized (
      select distinct root_id from (
        select h.root_id from hold h
        where h.organization_id = ${organization} and h.outcome is null and h.expires_at <= ${new Date(until)}
          and h.root_id <> all(${[...except]}::uuid[])
        order by h.expires_at limit 5000
      ) h
    )
    select t.root_id as id, (
      select count(*) from hold h where h.organization_id = ${organization} and h.root_id = t.root_id
        and h.outcome is null and h.expires_at <= ${new Date(until)}
    )::text as mark
    from tree t where t.organization_id = ${organization} and t.root_id in (select root_id from due)
    order by t.root_id limit ${most} for no key update of t skip locked`.execute(trx)
  return rows
}

/** By its client. */
export const recharges = async (
  trx: Trx,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    select a.client_id as id, a.due_at::text || a.phase as mark from auto_recharge a
    join client c on c.organization_id = a.organization_id and c.id = a.client_id
    join tree t on t.organization_id = c.organization_id and t.root_id = c.root_id
    where a.organization_id = ${organization} and a.due_at <= ${new Date(until)}
      and a.client_id <> all(${[...except]}::uuid[])
    order by a.due_at limit ${most} for no key update of t skip locked`.execute(trx)
  return rows
}

/** At most so many providers are asked in one turn. */
const mostAsked = 10

/** Nothing is locked: whoever takes one on claims it. */
export const payments = (db: Kysely<Tables>, organization: Id.Id, until: Instant.Instant, except: Iterable<Id.Id>) =>
  dueOf(sql`payment`, db, organization, until, except)

export const refunds = (db: Kysely<Tables>, organization: Id.Id, until: Instant.Instant, except: Iterable<Id.Id>) =>
  dueOf(sql`payment_reversal`, db, organization, until, except)

const dueOf = async (
  table: ReturnType<typeof sql>,
  db: Kysely<Tables>,
  organization: Id.Id,
  until: Instant.Instant,
  except: Iterable<Id.Id>
): Promise<ReadonlyArray<Found>> => {
  const { rows } = await sql<Found>`
    select id, due_at::text as mark from ${table}
    where organization_id = ${organization} and due_at <= ${new Date(until)} and id <> all(${[...except]}::uuid[])
    order by due_at limit ${mostAsked}`.execute(db)
  return rows
}
