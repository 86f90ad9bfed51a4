/**
 * A client all round: its branch as of now, its own facts with those of its ancestors, and its subscriptions. One
 * statement, and so one state of the database.
 */
import type { Plan } from "@capstan/domain"
import { Result } from "effect"
import type { Selectable } from "kysely"
import type { Caller } from "../Caller.ts"
import * as Clients from "../Clients.ts"
import type { Failure } from "../Failure.ts"
import { isId } from "../Ids.ts"
import { defaults } from "../Organizations.ts"
import * as Plans from "../Plans.ts"
import * as Subscriptions from "../Subscriptions.ts"
import type { Tables } from "../Tables.ts"
import { Draft } from "./Draft.ts"
import { type Loaded, snapshotsOf, statement } from "./Load.ts"
import type { Seen } from "./Look.ts"
import * as SeatView from "../views/SeatView.ts"
import type { Query } from "./Query.ts"

interface Subscribed {
  readonly subscription: Subscriptions.Subscription
  readonly plan: Plan.Version
}

export interface Surveyed extends Seen {
  readonly seats: SeatView.Seats
  readonly client: Clients.Client
  /** The nearest first. */
  readonly ancestors: ReadonlyArray<Clients.Client>
  /** Those that live, and the last that did not where none does; the base one first, then the newest. */
  readonly subscriptions: ReadonlyArray<Subscribed>
}

/** A row as JSON: what JSON would not keep exactly is text. */
type Told<Row> = { readonly [K in keyof Row]: unknown }
type ClientRow = Selectable<Tables["client"]>
type SubscriptionRow = Selectable<Tables["subscription"]>
type PlanRow = Selectable<Tables["plan_version"]>

interface Facts {
  readonly people: { readonly members: number; readonly invitations: number }
  readonly asked: string | null
  readonly clients: ReadonlyArray<Told<ClientRow>>
  readonly subscriptions: ReadonlyArray<{
    readonly subscription: Told<SubscriptionRow>
    readonly plan: Told<PlanRow>
  }> | null
}

const text = statement({
  first: `asked as materialized (
  select id, root_id from client where organization_id = $1 and id = $2
  union
  select id, root_id from client where organization_id = $1 and external_id = $4
), `,
  clients: "(select array_agg(id) from asked)::uuid[]",
  roots: "(select array_agg(root_id) from asked)::uuid[]",
  also: `,
  'asked', (select id from asked),
  'people', (
    select json_build_object(
      'members', (
        select count(*) from member p
        where p.organization_id = $1 and p.client_id = asked.id and p.removed_at is null
      ),
      'invitations', (
        select count(*) from invitation i
        where i.organization_id = $1 and i.client_id = asked.id and i.status = 'pending' and i.expires_at > $5
      )
    ) from asked
  ),
  'clients', (
    select json_agg(to_jsonb(m) || jsonb_build_object(
      'version', m.version::text, 'overdraft_limit', m.overdraft_limit::text, 'events', m.events::text
    )) from kin m
  ),
  'subscriptions', (
    select json_agg(json_build_object(
      'subscription', to_jsonb(s) || jsonb_build_object('version', s.version::text),
      'plan', to_jsonb(p) || jsonb_build_object('price', p.price::text)
    ) order by s.base desc, s.status <> 'canceled' desc, s.created_at desc, s.id desc)
    from (
      select s.*, row_number() over (
        order by s.status <> 'canceled' desc, s.base desc, s.created_at desc, s.id desc
      ) as place
      from subscription s where s.organization_id = $1 and s.client_id in (select id from asked)
    ) s
    join plan_version p on p.organization_id = s.organization_id and p.id = s.plan_version_id
    where s.status <> 'canceled' or s.place = 1
  )`
})

export const survey = async (query: Query, caller: Caller, ref: string): Promise<Result.Result<Surveyed, Failure>> => {
  const { organization, reach, now } = caller
  const external = ref.startsWith("ext:") && !ref.includes("\0") ? ref.slice("ext:".length) : null
  const values = [organization, isId(ref) ? ref : null, [], external, new Date(now), null]
  const [row] = await query<{ readonly loaded: Facts & Loaded }>("survey", text, values)
  const notFound = Result.fail({ _tag: "NotFound", what: "client", id: ref } as const)
  const root = row?.loaded.trees?.[0]?.root
  const snapshot =
    row === undefined || root === undefined ? undefined : snapshotsOf(row.loaded, new Set([root]), now).get(root)
  const line = snapshot?.lines.get(row?.loaded.asked ?? "")
  if (row === undefined || snapshot === undefined || line === undefined) return notFound
  if (reach !== null && !line.members.some(({ id }) => id === reach)) return notFound
  const draft = new Draft()
  const at = draft.at(snapshot, now)
  draft.lapse(snapshot, at)
  const clientById = new Map(row.loaded.clients.map(clientOf).map((client) => [client.id, client]))
  const [client, ...ancestors] = line.members.flatMap(({ id }) => clientById.get(id) ?? [])
  if (client === undefined) return notFound
  const subscriptions = (row.loaded.subscriptions ?? []).map(({ subscription, plan }) => ({
    subscription: subscriptionOf(subscription),
    plan: planOf(plan)
  }))
  const { people, policy } = row.loaded
  const base = subscriptions.find(({ subscription }) => subscription.base)?.subscription
  const seats = {
    ...people,
    seatsLimit: SeatView.limitOf(base, policy?.seatsWithoutSubscription ?? defaults.seatsWithoutSubscription)
  }
  return Result.succeed({ branch: draft.branch(snapshot, line), at, client, ancestors, subscriptions, seats })
}

/** A row as Postgres gives it: instants as milliseconds, `bigint` as such. */
const rowOf = <Row>(told: Told<Row>, bigints: ReadonlyArray<keyof Row>): Row => {
  const row = Object.entries(told).map(([name, value]) => [
    name,
    typeof value === "string" && name.endsWith("_at") ? Date.parse(value) : value
  ])
  return {
    ...Object.fromEntries(row),
    ...Object.fromEntries(bigints.map((name) => [name, BigInt(String(told[name]))]))
  }
}

const clientOf = (told: Told<ClientRow>): Clients.Client =>
  Clients.ofRow(rowOf<ClientRow>(told, ["version", "overdraft_limit", "events"]))

const subscriptionOf = (told: Told<SubscriptionRow>): Subscriptions.Subscription =>
  Subscriptions.ofRow(rowOf<SubscriptionRow>(told, ["version"]))

const planOf = (told: Told<PlanRow>): Plan.Version => Plans.ofRow(rowOf<PlanRow>(told, ["price"]))
