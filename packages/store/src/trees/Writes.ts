/**
 * What a transaction is about to write to trees of one organization, and the one statement that writes it.
 *
 * The statement locks the roots in order, compares their stamps and looks up the keys. Only where every stamp is as
 * expected and no key is known does it write: stamps, wallets, windows, entries, holds, clients' lifecycles and events,
 * in one round trip. If a row that ought to be there was not, it raises and nothing is written.
 */
import type { ClientLifecycle, Credits, Id, Instant, SpendingCap, Tree, Wallet } from "@capstan/domain"
import { ChangedCaps } from "./ChangedCaps.ts"
import { detailText, type Entry, entryJson, type EntryJson } from "./Entry.ts"
import type { Query } from "./Query.ts"
import * as Rows from "./Rows.ts"

export interface NewEntry extends Entry {
  readonly hash: Buffer | null
}

export interface NewEvent {
  readonly id: Id.Id
  readonly client: Id.Id | null
  readonly kind: string
  readonly actor: string
  readonly token: Id.Id | null
  /** The id of what it is about. */
  readonly object: string | null
  readonly at: Instant.Instant
  readonly payload: string
}

export interface Expected {
  readonly root: Id.Id
  readonly stamp: string
  /** Whether the tree is written to, and so stamped. */
  readonly writes: boolean
  readonly at: Instant.Instant
}

export interface AskedKey {
  readonly client: Id.Id
  readonly namespace: string
  readonly key: string
}

interface WindowDelta extends Tree.Place {
  used: bigint
  held: bigint
  told: number
  forecast: boolean
}

export class Writes {
  readonly wallets = new Map<Id.Id, Wallet.State>()
  /** Those to which a lot came, or from which one went. */
  readonly relotted = new Set<Id.Id>()
  readonly entries: Array<NewEntry> = []
  readonly opened: Array<{ readonly hold: Tree.Hold; readonly root: Id.Id; readonly at: Instant.Instant }> = []
  readonly settled: Array<{
    readonly hold: Id.Id
    readonly outcome: Tree.Outcome
    readonly captured: Credits.Credits
    readonly at: Instant.Instant
  }> = []
  readonly lifecycles = new Map<Id.Id, { readonly state: ClientLifecycle.State; readonly at: Instant.Instant }>()
  readonly events: Array<NewEvent> = []
  readonly caps = new ChangedCaps()
  readonly notices = new Map<Id.Id, Tree.Notice>()
  readonly recharges = new Map<Id.Id, Wanted>()
  readonly #windows = new Map<string, WindowDelta>()

  count(counts: ReadonlyArray<Tree.Count>): void {
    for (const { cap, start, end, scope, used, held } of counts) {
      const window = this.#window({ cap, start, end, scope })
      window.used += used
      window.held += held
    }
  }

  tell(cap: SpendingCap.State, window: SpendingCap.Window): void {
    this.#window({ cap: cap.id, start: window.start, end: window.end, scope: cap.scope }).told = window.told
  }

  recharge(client: Id.Id, wanted: Wanted): void {
    const before = this.recharges.get(client)
    this.recharges.set(client, before === undefined ? wanted : { ...before, target: wanted.target })
  }

  foretell(cap: SpendingCap.State, window: SpendingCap.Window): void {
    this.#window({ cap: cap.id, start: window.start, end: window.end, scope: cap.scope }).forecast = true
  }

  get windows(): Iterable<Readonly<WindowDelta>> {
    return this.#windows.values()
  }

  #window(place: Tree.Place): WindowDelta {
    const name = `${place.cap}${place.start}`
    const known = this.#windows.get(name)
    if (known !== undefined) return known
    const fresh = { ...place, used: 0n, held: 0n, told: 0, forecast: false }
    this.#windows.set(name, fresh)
    return fresh
  }
}

/** A recharge is wanted from now on; without a crossing, it is that already, and of more. */
interface Wanted {
  readonly crossing: number | null
  readonly target: Credits.Credits
  readonly at: Instant.Instant
}

export interface Outcome {
  readonly ok: boolean
  /** Trees whose stamp is not the expected one, or that are not there. */
  readonly stale: ReadonlyArray<Id.Id>
  /** The entries that have one of the keys already. */
  readonly found: ReadonlyArray<EntryJson>
}

const text = `
with expected as materialized (
  select * from unnest($2::uuid[], $3::uuid[], $4::boolean[], $5::timestamptz[]) as t(root_id, stamp, writes, at)
), locked as materialized (
  select x.root_id, x.stamp as expected, t.stamp
  from expected x left join lateral (
    select t.stamp from tree t where t.organization_id = $1 and t.root_id = x.root_id for no key update
  ) t on true
), stale as materialized (
  select l.root_id from locked l where l.stamp is distinct from l.expected
    or exists (select from organization o where o.id = $1 and o.stamp <> ($6::uuid[])[2])
), found as materialized (
  select ${entryJson} as entry
  from unnest($7::uuid[], $8::text[], $9::text[]) as k(client_id, namespace, key)
  cross join lateral (
    select * from entry e where e.organization_id = $1 and e.client_id = k.client_id
      and e.namespace = k.namespace and e.key = k.key limit 1
  ) e
), ok as materialized (
  select not exists (select from stale) and not exists (select from found) as ok
), stamped as (
  update tree t set stamp = ($6::uuid[])[1], at = greatest(t.at, x.at) from expected x, ok
  where ok.ok and x.writes and t.organization_id = $1 and t.root_id = x.root_id returning 1
), wallets as (
  update wallet w set seq = i.seq, lots = coalesce(i.lots, w.lots), remainders = i.remainders, beyond = i.beyond,
    next_expiry = i.next_expiry
  from unnest($10::uuid[], $11::bigint[], $12::json[], $13::json[], $14::json[], $15::timestamptz[])
    as i(client_id, seq, lots, remainders, beyond, next_expiry), ok
  where ok.ok and w.organization_id = $1 and w.client_id = i.client_id returning 1
), windows as (
  insert into cap_window as w (organization_id, cap_id, starts_at, ends_at, used, held, told, forecast)
  select $1, i.cap_id, i.starts_at, i.ends_at, i.used, i.held, i.told, coalesce(i.forecast, false)
  from unnest($16::uuid[], $17::timestamptz[], $18::timestamptz[], $19::bigint[], $20::bigint[], $21::smallint[],
    $39::boolean[]) as i(cap_id, starts_at, ends_at, used, held, told, forecast), ok
  where ok.ok
  on conflict (organization_id, cap_id, starts_at) do update
    set used = w.used + excluded.used, held = w.held + excluded.held, told = greatest(w.told, excluded.told),
      forecast = w.forecast or excluded.forecast
), entries as (
  insert into entry (organization_id, payer_id, seq, client_id, namespace, key, request_hash, kind, asked, amount,
    balance, detail, counts, hold_id, at, effective_at, member, meter)
  select $1, i.* from unnest($22::uuid[], $23::bigint[], $24::uuid[], $25::text[], $26::text[], $27::bytea[], $28::text[],
    $29::bigint[], $30::bigint[], $31::bigint[], $32::json[], $33::json[], $34::uuid[], $35::timestamptz[], $36::timestamptz[],
    $37::text[], $38::text[])
    as i(payer_id, seq, client_id, namespace, key, request_hash, kind, asked, amount, balance, detail, counts, hold_id,
      at, effective_at, member, meter), ok
  where ok.ok
)`

/** What only some transactions write. */
const rareText = `, opened as (
  insert into hold (organization_id, id, root_id, client_id, payer_id, amount, portions, places, expires_at, created_at,
    at_end, member, meter)
  select $1, i.* from unnest($40::uuid[], $41::uuid[], $42::uuid[], $43::uuid[], $44::bigint[], $45::json[], $46::json[],
    $47::timestamptz[], $48::timestamptz[], $64::text[], $71::text[],
    $72::text[])
    as i(id, root_id, client_id, payer_id, amount, portions, places, expires_at, created_at, at_end,
      member, meter), ok
  where ok.ok
), settled as (
  update hold h set outcome = i.outcome, captured = i.captured, settled_at = i.settled_at
  from unnest($49::uuid[], $50::text[], $51::bigint[], $52::timestamptz[]) as i(id, outcome, captured, settled_at), ok
  where ok.ok and h.organization_id = $1 and h.id = i.id and h.outcome is null returning 1
), emitted as materialized (
  select i.*, row_number() over (partition by i.client_id order by i.position) as nth
  from unnest($53::uuid[], $54::uuid[], $55::text[], $56::text[], $57::timestamptz[], $58::json[],
    $73::uuid[], $74::text[]) with ordinality as i(id, client_id, kind, actor, at, payload, token_id, object_id, position)
), changed as (
  select i.* from unnest($59::uuid[], $60::timestamptz[], $61::timestamptz[], $62::json[], $63::timestamptz[])
    as i(id, onboarded_at, closed_at, suspensions, updated_at)
), clients as (
  update client c set
    events = c.events + t.events,
    onboarded_at = case when t.id is null then c.onboarded_at else t.onboarded_at end,
    closed_at = case when t.id is null then c.closed_at else t.closed_at end,
    suspensions = case when t.id is null then c.suspensions else t.suspensions end,
    version = c.version + case when t.id is null then 0 else 1 end,
    updated_at = coalesce(t.updated_at, c.updated_at)
  from (
    select coalesce(e.client_id, ch.id) as client_id, coalesce(e.events, 0) as events, ch.*
    from (select client_id, count(*) as events from emitted group by client_id) e
    full join changed ch on ch.id = e.client_id
  ) t, ok
  where ok.ok and c.organization_id = $1 and c.id = t.client_id
  returning c.id, c.events, t.events as added
), events as (
  insert into event (organization_id, id, client_id, number, kind, actor, at, payload, token_id, object_id)
  select $1, e.id, e.client_id, coalesce(c.events - c.added + e.nth, 0), e.kind, e.actor, e.at, e.payload,
    e.token_id, e.object_id
  from emitted e left join clients c on c.id = e.client_id, ok
  where ok.ok
), noticed as (
  insert into balance_watch (organization_id, client_id, notice)
  select $1, i.* from unnest($65::uuid[], $66::text[]) as i(client_id, notice), ok where ok.ok
  on conflict (organization_id, client_id) do update set notice = excluded.notice
), wanted as (
  update auto_recharge a set target = i.target, crossing = coalesce(i.crossing, a.crossing),
    phase = case when i.crossing is null then a.phase else 'wanted' end,
    due_at = case when i.crossing is null then a.due_at else i.at end
  from unnest($67::uuid[], $68::bigint[], $69::bigint[], $70::timestamptz[]) as i(client_id, crossing, target, at), ok
  where ok.ok and a.organization_id = $1 and a.client_id = i.client_id returning 1
)`

const selectText = (checks: string): string => `
select ok.ok, (select array_agg(root_id) from stale) as stale, (select json_agg(entry) from found) as found,
  case when ok.ok then require((select count(*) from stamped) = (select count(*) from expected where writes)
    and (select count(*) from wallets) = cardinality($10)${checks}, 'a row of a tree is missing') end
from ok`

const debits = text + selectText("")
const everything =
  text +
  rareText +
  selectText(` and (select count(*) from settled) = cardinality($49)
    and (select count(*) from wanted) = cardinality($67)`)

/** Locks and compares; writes where nothing stands in the way. Roots are locked in the order they are given, which is by id. */
export const commit = async (
  query: Query,
  organization: Id.Id,
  /** The new one of the trees that are written to, and the organization's that was decided by; null for any. */
  stamps: readonly [trees: string, settled: string | null],
  expected: ReadonlyArray<Expected>,
  keys: ReadonlyArray<AskedKey>,
  writes: Writes
): Promise<Outcome> => {
  const { opened, settled, events, lifecycles, recharges } = writes
  const rare = opened.length + settled.length + events.length + lifecycles.size + recharges.size > 0
  const values = [
    organization,
    array(expected, ({ root }) => root),
    array(expected, ({ stamp }) => stamp),
    array(expected, ({ writes }) => `${writes}`),
    array(expected, ({ at }) => iso(at)),
    stamps,
    array(keys, ({ client }) => client),
    array(keys, ({ namespace }) => namespace),
    keys.map(({ key }) => key),
    ...walletValues(writes),
    ...windowValues([...writes.windows]),
    ...entryValues(writes.entries),
    ...tagValues(writes.entries, [...writes.windows]),
    ...(rare ? rareValues(writes) : [])
  ]
  const [row] = await query<{
    readonly ok: boolean
    readonly stale: ReadonlyArray<Id.Id> | null
    readonly found: ReadonlyArray<EntryJson> | null
  }>(rare ? "commit-everything" : "commit-debits", rare ? everything : debits, values)
  return { ok: row?.ok ?? false, stale: row?.stale ?? [], found: row?.found ?? [] }
}

/** A Postgres array of what needs no quotes: ids, numbers, instants, our own words. */
const array = <A>(items: ReadonlyArray<A>, text: (item: A) => bigint | number | string | null): string => {
  let joined = ""
  for (const item of items) joined += joined === "" ? text(item) : `,${text(item)}`
  return `{${joined}}`
}

/** A batch is decided at few instants, so the last one's text is mostly the next one's. */
let lastAt: Instant.Instant = Number.NaN
let lastIso = ""
const iso = (at: Instant.Instant): string => {
  if (at !== lastAt) [lastAt, lastIso] = [at, new Date(at).toISOString()]
  return lastIso
}
const isoOrNull = (at: Instant.Instant | null): string | null => (at === null ? null : iso(at))

const walletValues = ({ wallets, relotted }: Writes) => {
  const rows = [...wallets]
  return [
    array(rows, ([client]) => client),
    array(rows, ([, { seq }]) => seq),
    rows.map(([client, { lots }]) => (relotted.has(client) ? Rows.lotsText(lots) : null)),
    rows.map(([client, { lots }]) => (relotted.has(client) ? null : Rows.remaindersText(lots))),
    rows.map(([, wallet]) => Rows.beyondText(wallet)),
    array(rows, ([, wallet]) => isoOrNull(Rows.nextExpiry(wallet)))
  ]
}

const windowValues = (windows: ReadonlyArray<Readonly<WindowDelta>>) => [
  array(windows, ({ cap }) => cap),
  array(windows, ({ start }) => iso(start)),
  array(windows, ({ end }) => isoOrNull(end)),
  array(windows, ({ used }) => used),
  array(windows, ({ held }) => held),
  array(windows, ({ told }) => told)
]

const entryValues = (entries: ReadonlyArray<NewEntry>) => [
  array(entries, ({ payer }) => payer),
  array(entries, ({ seq }) => seq),
  array(entries, ({ client }) => client),
  array(entries, ({ namespace }) => namespace),
  entries.map(({ key }) => key),
  array(entries, ({ hash }) => (hash === null ? null : `"\\\\x${hash.toString("hex")}"`)),
  array(entries, ({ event }) => event._tag),
  array(entries, ({ asked }) => asked),
  array(entries, ({ amount }) => amount),
  array(entries, ({ balance }) => balance),
  entries.map(({ event }) => detailText(event)),
  entries.map(({ counts }) => Rows.countsText(counts)),
  array(entries, ({ hold }) => hold),
  array(entries, ({ at }) => iso(at)),
  array(entries, ({ effectiveAt }) => isoOrNull(effectiveAt))
]

/** What most transactions have none of: null stands for as many nulls as there are rows. */
const tagValues = (entries: ReadonlyArray<NewEntry>, windows: ReadonlyArray<Readonly<WindowDelta>>) => [
  entries.some(({ member }) => member !== null) ? entries.map(({ member }) => member) : null,
  entries.some(({ meter }) => meter !== null) ? entries.map(({ meter }) => meter) : null,
  windows.some(({ forecast }) => forecast) ? array(windows, ({ forecast }) => `${forecast}`) : null
]

const rareValues = ({ opened, settled, events, lifecycles, notices, recharges }: Writes) => {
  const changed = [...lifecycles]
  const noticed = [...notices]
  const wanted = [...recharges]
  return [
    array(opened, ({ hold }) => hold.id),
    array(opened, ({ root }) => root),
    array(opened, ({ hold }) => hold.client),
    array(opened, ({ hold }) => hold.payer),
    array(opened, ({ hold }) => hold.amount),
    opened.map(({ hold }) => Rows.portionsText(hold.portions)),
    opened.map(({ hold }) => Rows.placesText(hold.places)),
    array(opened, ({ hold }) => iso(hold.expiresAt)),
    array(opened, ({ at }) => iso(at)),
    array(settled, ({ hold }) => hold),
    array(settled, ({ outcome }) => outcome),
    array(settled, ({ captured }) => captured),
    array(settled, ({ at }) => iso(at)),
    array(events, ({ id }) => id),
    array(events, ({ client }) => client),
    array(events, ({ kind }) => kind),
    events.map(({ actor }) => actor),
    array(events, ({ at }) => iso(at)),
    events.map(({ payload }) => payload),
    array(changed, ([client]) => client),
    array(changed, ([, { state }]) => isoOrNull(state.onboardedAt)),
    array(changed, ([, { state }]) => isoOrNull(state.closedAt)),
    changed.map(([, { state }]) => JSON.stringify(state.suspensions)),
    array(changed, ([, { at }]) => iso(at)),
    array(opened, ({ hold }) => hold.atEnd),
    array(noticed, ([client]) => client),
    array(noticed, ([, notice]) => notice),
    array(wanted, ([client]) => client),
    array(wanted, ([, { crossing }]) => crossing),
    array(wanted, ([, { target }]) => target),
    array(wanted, ([, { at }]) => iso(at)),
    opened.map(({ hold }) => hold.member),
    opened.map(({ hold }) => hold.meter),
    array(events, ({ token }) => token),
    events.map(({ object }) => object)
  ]
}
