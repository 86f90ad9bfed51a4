/**
 * Reading trees: one statement, and so one state of the database, with the stamps in it.
 *
 * Asked for clients, it brings all that a branch of each needs: the line up to the root with suspensions and base
 * subscriptions, the payer's wallet, the caps of the line with their latest windows, the holds that are named, and the
 * holds of the tree that are due. With a hold come its client and who pays for it, where they are in its tree.
 */
import {
  Calendar,
  type Id,
  type Instant,
  Rate,
  type Settings,
  type SpendingCap,
  type Subscription,
  type Tree,
  Wallet
} from "@capstan/domain"
import { defaults } from "../Organizations.ts"
import type { Query } from "./Query.ts"
import * as Rows from "./Rows.ts"
import { empty, type Line, type Snapshot } from "./Snapshot.ts"

/** The most holds that one transaction settles. */
export const mostDue = 500

export interface Wanted {
  readonly clients: ReadonlyArray<Id.Id>
  readonly holds: ReadonlyArray<Id.Id>
  /** Trees whose holds that end by then are to be brought. */
  readonly due: ReadonlyArray<Id.Id>
  readonly now: Instant.Instant
  /** The most of those holds, of each tree; `mostDue` unless told, and null for all. */
  readonly most?: number | null
}

interface MemberJson {
  readonly id: string
  readonly root: string
  readonly path: ReadonlyArray<string>
  readonly wanted: boolean
  readonly externalId: string | null
  readonly version: string
  readonly zone: string
  readonly usesParent: boolean
  readonly overdraft: string
  readonly onboardedAt: number | null
  readonly closedAt: number | null
  readonly suspensions: Tree.Member["lifecycle"]["suspensions"]
  readonly subscription: {
    readonly status: Subscription.Status
    readonly graceEndsAt: number | null
    readonly anchor: string | null
    readonly interval: Calendar.Interval
    readonly terms: { readonly unlimited?: boolean; readonly creditValue?: string; readonly overage?: string | null }
  } | null
}
interface CapJson {
  readonly id: string
  readonly client: string
  readonly name: string
  readonly limit: string
  readonly committed: string
  readonly member: string | null
  readonly meter: string | null
  readonly every: SpendingCap.Every
  readonly scope: SpendingCap.Scope
  readonly enforcement: "alert" | "hard"
  readonly thresholds: ReadonlyArray<number>
  readonly anchor: number
  readonly window: {
    readonly start: number
    readonly end: number | null
    readonly used: string
    readonly held: string
    readonly told: number
    readonly forecast: boolean
  } | null
}
interface WatchJson {
  readonly client: string
  readonly low: string | null
  readonly notice: Tree.Notice
  readonly recharge: {
    readonly threshold: string
    readonly target: string
    readonly phase: Tree.Phase
    readonly crossing: number
    readonly reason: string | null
    readonly dueAt: number | null
  } | null
}
interface HoldJson {
  readonly id: string
  readonly root: string
  readonly client: string
  readonly payer: string
  readonly amount: string
  readonly portions: ReadonlyArray<Rows.PortionJson>
  readonly places: ReadonlyArray<Rows.PlaceJson>
  readonly member: string | null
  readonly meter: string | null
  readonly expiresAt: number
  readonly atEnd: Tree.AtEnd
  readonly twin: string | null
  readonly outcome: Tree.Outcome | null
  readonly due: boolean
}
export interface Loaded {
  readonly trees: ReadonlyArray<{
    readonly root: string
    readonly stamp: string
    readonly at: number
    readonly lapsesAt: number | null
  }> | null
  readonly members: ReadonlyArray<MemberJson> | null
  readonly wallets: ReadonlyArray<Rows.WalletJson & { readonly client: string }> | null
  readonly watches: ReadonlyArray<WatchJson> | null
  readonly caps: ReadonlyArray<CapJson> | null
  readonly holds: ReadonlyArray<HoldJson> | null
  /** What the organization has settled; what is absent is as the defaults have it. */
  readonly policy: Partial<Pick<Settings.Settings, "seatsWithoutSubscription"> & Subscription.Policy> | null
  readonly settled: string | null
}

const ms = (column: string): string => `extract(epoch from ${column}) * 1000`

/** Who is asked for, if not `$2` and the trees of `$4`; and what else is brought in the same statement. */
interface Said {
  /** Tables to begin with. */
  readonly first: string
  readonly clients: string
  readonly roots: string
  /** More fields of what is answered. */
  readonly also: string
}

const asked: Said = { first: "", clients: "$2::uuid[]", roots: "$4::uuid[]", also: "" }

/** `$1` the organization, `$3` holds, `$5` now, `$6` the most holds of a tree. */
export const statement = ({ first, clients, roots, also }: Said = asked): string => `
with ${first}named as materialized (
  select h.* from hold h where h.organization_id = $1 and h.id = any($3::uuid[])
), due as materialized (
  select d.* from unnest(${roots}) as r(root_id) cross join lateral (
    select h.* from hold h
    where h.organization_id = $1 and h.root_id = r.root_id and h.outcome is null and h.expires_at <= $5
    order by h.expires_at limit $6
  ) d
), settler as materialized (
  select client_id as id, root_id from named union select payer_id, root_id from named
  union select client_id, root_id from due union select payer_id, root_id from due
), spender as materialized (
  select c.id, c.root_id, c.path from client c where c.organization_id = $1 and c.id = any(${clients})
  union
  select c.id, c.root_id, c.path from settler s
  join client c on c.organization_id = $1 and c.id = s.id and c.root_id = s.root_id
), kin as materialized (
  select c.* from client c
  where c.organization_id = $1 and c.id in (select unnest(path) from spender union select id from spender)
)
select json_build_object(
  'trees', (
    select json_agg(json_build_object('root', t.root_id, 'stamp', t.stamp, 'at', ${ms("t.at")}, 'lapsesAt', (
      select ${ms("min(h.expires_at)")} from hold h
      where h.organization_id = $1 and h.root_id = t.root_id and h.outcome is null
    )))
    from tree t where t.organization_id = $1
      and t.root_id in (select root_id from spender union select root_id from named union select unnest(${roots}))
  ),
  'members', (
    select json_agg(json_build_object(
      'id', m.id, 'root', m.root_id, 'path', m.path, 'wanted', m.id in (select id from spender),
      'externalId', m.external_id, 'version', m.version::text, 'zone', m.time_zone, 'usesParent', m.uses_parent_balance,
      'overdraft', m.overdraft_limit::text, 'onboardedAt', ${ms("m.onboarded_at")}, 'closedAt', ${ms("m.closed_at")},
      'suspensions', m.suspensions,
      'subscription', (
        select json_build_object('status', s.status, 'graceEndsAt', ${ms("s.grace_ends_at")},
          'anchor', s.state->>'anchor', 'interval', s.state->'interval', 'terms', p.terms)
        from subscription s
        join plan_version p on p.organization_id = s.organization_id and p.id = s.plan_version_id
        where s.organization_id = $1 and s.client_id = m.id and s.base
        order by s.status <> 'canceled' desc, s.created_at desc limit 1
      )
    )) from kin m
  ),
  'wallets', (
    select json_agg(json_build_object('client', w.client_id, 'seq', w.seq::text, 'lots', w.lots,
      'remainders', w.remainders, 'beyond', w.beyond))
    from wallet w where w.organization_id = $1 and w.client_id in (
      select id from spender union select m.parent_id from kin m where m.uses_parent_balance
    )
  ),
  'watches', (
    select json_agg(json_build_object('client', m.id, 'low', b.low::text, 'notice', coalesce(b.notice, 'none'),
      'recharge', case when a.enabled then json_build_object('threshold', a.threshold::text, 'target', a.target::text,
        'phase', a.phase, 'crossing', a.crossing, 'reason', coalesce(a.waits, a.stopped_reason),
        'dueAt', ${ms("a.due_at")}) end))
    from kin m
    left join balance_watch b on b.organization_id = $1 and b.client_id = m.id
    left join auto_recharge a on a.organization_id = $1 and a.client_id = m.id
    where b.client_id is not null or a.enabled
  ),
  'caps', (
    select json_agg(json_build_object('id', c.id, 'client', c.client_id, 'name', c.name, 'limit', c.limit_cost::text,
      'committed', c.committed_cost::text, 'member', c.member, 'meter', c.meter,
      'every', c.every, 'scope', c.scope, 'enforcement', c.enforcement, 'thresholds', c.thresholds,
      'anchor', ${ms("c.anchor")}, 'window', (
        select json_build_object('start', ${ms("w.starts_at")}, 'end', ${ms("w.ends_at")}, 'used', w.used::text,
          'held', w.held::text, 'told', w.told, 'forecast', w.forecast)
        from cap_window w where w.organization_id = $1 and w.cap_id = c.id order by w.starts_at desc limit 1
      )) order by c.id)
    from cap c where c.organization_id = $1 and c.client_id in (select id from kin) and c.removed_at is null
  ),
  'holds', (
    select json_agg(json_build_object('id', h.id, 'root', h.root_id, 'client', h.client_id, 'payer', h.payer_id,
      'amount', h.amount::text, 'portions', h.portions, 'places', h.places, 'expiresAt', ${ms("h.expires_at")},
      'member', h.member, 'meter', h.meter, 'atEnd', h.at_end,
      'twin', h.twin_id, 'outcome', h.outcome, 'due', h.outcome is null and h.expires_at <= $5))
    from (select * from named union all select * from due where id not in (select id from named)) h
  ),
  'policy', (select o.settings from organization o where o.id = $1),
  'settled', (select o.stamp from organization o where o.id = $1)${also}
) as loaded`

const text = statement()

/** The trees of the clients and holds that were asked for; what is not there is not in them. */
export const load = async (
  query: Query,
  organization: Id.Id,
  wanted: Wanted
): Promise<ReadonlyMap<Id.Id, Snapshot>> => {
  const { clients, holds, due, now, most = mostDue } = wanted
  const values = [organization, clients, holds, due, new Date(now), most]
  const [row] = await query<{ readonly loaded: Loaded }>("load", text, values)
  return row === undefined ? new Map() : snapshotsOf(row.loaded, new Set(due), now)
}

/** What was read later joins what is known, where both are of one stamp; a newer one takes its place. */
export const joined = (known: Snapshot | undefined, read: Snapshot): Snapshot => {
  if (known === undefined || known.stamp !== read.stamp || known.settled !== read.settled) return read
  for (const [id, line] of read.lines) known.lines.set(id, line)
  for (const [id, wallet] of read.wallets) if (!known.wallets.has(id)) known.wallets.set(id, wallet)
  for (const [id, watch] of read.watches) if (!known.watches.has(id)) known.watches.set(id, watch)
  for (const [id, window] of read.windows) if (!known.windows.has(id)) known.windows.set(id, window)
  for (const [id, hold] of read.holds) known.holds.set(id, hold)
  known.lapsesAt = read.lapsesAt
  if (read.due.length > 0) known.due = read.due
  return known
}

/** The trees as they stand at their stamps. */
export const snapshotsOf = (
  { trees, members, wallets, watches, caps, holds, policy, settled }: Loaded,
  askedDue: ReadonlySet<Id.Id>,
  now: Instant.Instant
): ReadonlyMap<Id.Id, Snapshot> => {
  const snapshots = new Map<Id.Id, Snapshot>()
  for (const { root, stamp, at, lapsesAt } of trees ?? [])
    snapshots.set(root, { ...empty(root, stamp, at, settled), lapsesAt })
  const memberById = new Map((members ?? []).map((member) => [member.id, member]))
  const capsByClient = Map.groupBy(caps ?? [], ({ client }) => client)
  const dueByRoot = Map.groupBy(
    (holds ?? []).filter(({ due }) => due),
    ({ root }) => root
  )
  const rootOf = (client: Id.Id): Snapshot | undefined => snapshots.get(memberById.get(client)?.root ?? "")

  for (const wallet of wallets ?? []) rootOf(wallet.client)?.wallets.set(wallet.client, Rows.toWallet(wallet))
  for (const watch of watches ?? []) rootOf(watch.client)?.watches.set(watch.client, toWatch(watch))
  for (const { id, client, window } of caps ?? []) {
    if (window === null) continue
    const { start, end, told, forecast } = window
    const sums = { used: BigInt(window.used), held: BigInt(window.held) }
    rootOf(client)?.windows.set(id, { cap: id, start, end, ...sums, told, forecast })
  }
  for (const hold of holds ?? []) snapshots.get(hold.root)?.holds.set(hold.id, toHold(hold))
  for (const [root, snapshot] of snapshots) {
    if (!askedDue.has(root) && (snapshot.lapsesAt === null || snapshot.lapsesAt > now)) continue
    snapshot.due = (dueByRoot.get(root) ?? []).map(({ id }) => id)
  }
  for (const member of members ?? [])
    if (member.wanted) rootOf(member.id)?.lines.set(member.id, lineOf(member, memberById, capsByClient, policy ?? {}))
  return snapshots
}

const toWatch = ({ low, notice, recharge }: WatchJson): Tree.Watch => ({
  low: low === null ? null : BigInt(low),
  notice,
  recharge:
    recharge === null ? null : { ...recharge, threshold: BigInt(recharge.threshold), target: BigInt(recharge.target) }
})

const toHold = ({
  id,
  client,
  payer,
  amount,
  portions,
  places,
  member,
  meter,
  expiresAt,
  atEnd,
  twin,
  outcome
}: HoldJson): Tree.Hold => ({
  id,
  client,
  payer,
  amount: BigInt(amount),
  portions: Rows.toPortions(portions),
  places: Rows.toPlaces(places),
  member,
  meter,
  expiresAt,
  atEnd,
  twin,
  outcome
})

const lineOf = (
  spender: MemberJson,
  memberById: ReadonlyMap<Id.Id, MemberJson>,
  capsByClient: ReadonlyMap<Id.Id, ReadonlyArray<CapJson>>,
  policy: Partial<Subscription.Policy>
): Line => {
  const ancestors = spender.path.toReversed().flatMap((id) => memberById.get(id) ?? [])
  const line = [spender, ...ancestors]
  const payer = line.find(({ usesParent }, i) => !usesParent || i === line.length - 1) ?? spender
  return {
    client: spender.id,
    externalId: spender.externalId,
    version: BigInt(spender.version),
    members: [toMember(spender), ...ancestors.map(toMember)],
    payer: payer.id,
    terms: termsOf(payer),
    policy: {
      rechargeInTrial: policy.rechargeInTrial ?? defaults.rechargeInTrial,
      useBoughtAfterCancel: policy.useBoughtAfterCancel ?? defaults.useBoughtAfterCancel
    },
    caps: line.flatMap((member) => (capsByClient.get(member.id) ?? []).map((cap) => toCap(cap, member)))
  }
}

const toMember = ({ id, onboardedAt, closedAt, suspensions, subscription }: MemberJson): Tree.Member => ({
  id,
  lifecycle: { onboardedAt, closedAt, suspensions },
  subscription: subscription === null ? null : { status: subscription.status, graceEndsAt: subscription.graceEndsAt }
})

const termsOf = ({ subscription, overdraft }: MemberJson): Wallet.Terms => {
  const { unlimited, creditValue, overage } = subscription?.terms ?? {}
  return {
    unlimited: unlimited ?? Wallet.prepaid.unlimited,
    creditValue: creditValue === undefined ? Wallet.prepaid.creditValue : Rate.parse(creditValue),
    overage: overage == null ? null : Rate.parse(overage),
    overdraftLimit: BigInt(overdraft)
  }
}

const toCap = (cap: CapJson, { zone, subscription }: MemberJson): SpendingCap.State => {
  const { id, client, name, every, scope, enforcement, thresholds, anchor } = cap
  const billing =
    subscription?.anchor == null ? null : { anchor: Date.parse(subscription.anchor), interval: subscription.interval }
  return {
    id,
    client,
    name,
    limit: BigInt(cap.limit),
    committed: BigInt(cap.committed),
    member: cap.member,
    meter: cap.meter,
    every,
    scope,
    enforcement,
    thresholds,
    zone: Calendar.Zone.make(zone),
    anchor,
    billing
  }
}
