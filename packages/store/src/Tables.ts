/** The tables as Kysely knows them. What they mean stands in `migrations/`. */
import type { ColumnType, Generated } from "kysely"

/** Milliseconds; written as an ISO text or a `Date`. */
type Stamp = ColumnType<number, Date, Date>
type StampOrNull = ColumnType<number | null, Date | null, Date | null>
/** Read parsed, written as text. */
type Json<T> = ColumnType<T, string, string>
/** With a default. */
type FilledJson<T> = ColumnType<T, string | undefined, string>

export interface Tables {
  organization: {
    id: string
    name: string
    mode: "live" | "sandbox"
    currency: string
    time_zone: string
    clock_ahead_ms: Generated<bigint>
    settings: FilledJson<unknown>
    created_at: Stamp
  }
  access_token: {
    organization_id: string
    id: string
    name: string
    secret_hash: Buffer
    scopes: Array<string>
    reach: string | null
    per_second: number
    created_by: string
    created_at: Stamp
    expires_at: StampOrNull
    revoked_at: StampOrNull
  }
  access_token_rate: { organization_id: string; token_id: string; allowance: number; at: Stamp }
  tree: { organization_id: string; root_id: string; stamp: string; at: Stamp }
  client: {
    organization_id: string
    id: string
    root_id: string
    parent_id: string | null
    path: Array<string>
    external_id: string | null
    name: string
    email: string | null
    currency: string
    time_zone: string
    metadata: FilledJson<Readonly<Record<string, boolean | number | string>>>
    uses_parent_balance: Generated<boolean>
    overdraft_limit: Generated<bigint>
    onboarded_at: StampOrNull
    closed_at: StampOrNull
    suspensions: FilledJson<ReadonlyArray<unknown>>
    spending_cap_notified_at: StampOrNull
    version: Generated<bigint>
    events: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
  }
  plan_version: {
    organization_id: string
    id: string
    plan_key: string
    version: number
    name: string
    price: bigint
    terms: Json<unknown>
    created_at: Stamp
  }
  subscription: {
    organization_id: string
    id: string
    client_id: string
    plan_version_id: string
    base: boolean
    status: string
    grace_ends_at: StampOrNull
    next_credit_renewal_at: StampOrNull
    state: Json<unknown>
    version: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
  }
  wallet: {
    organization_id: string
    client_id: string
    seq: Generated<bigint>
    lots: FilledJson<unknown>
    remainders: ColumnType<unknown, string | null, string | null>
    beyond: ColumnType<unknown, string | null, string | null>
    next_expiry: StampOrNull
  }
  entry: {
    organization_id: string
    payer_id: string
    seq: bigint
    client_id: string
    namespace: string
    key: string
    request_hash: Buffer | null
    kind: string
    asked: bigint | null
    amount: bigint
    balance: bigint
    detail: Json<unknown>
    counts: ColumnType<unknown, string | null, string | null>
    hold_id: string | null
    at: Stamp
    effective_at: StampOrNull
  }
  hold: {
    organization_id: string
    id: string
    root_id: string
    client_id: string
    payer_id: string
    amount: bigint
    portions: Json<unknown>
    places: Json<unknown>
    expires_at: Stamp
    outcome: string | null
    captured: bigint | null
    settled_at: StampOrNull
    created_at: Stamp
  }
  cap: {
    organization_id: string
    id: string
    client_id: string
    name: string
    limit_cost: bigint
    every: string
    scope: string
    enforcement: string
    thresholds: Array<number>
    anchor: Stamp
    version: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
    removed_at: StampOrNull
  }
  cap_window: {
    organization_id: string
    cap_id: string
    starts_at: Stamp
    ends_at: StampOrNull
    used: bigint
    held: bigint
    told: Generated<number>
  }
  command_key: {
    organization_id: string
    procedure: string
    key: string
    request_hash: Buffer
    answer: Json<unknown>
    created_at: Generated<Stamp>
  }
  event: {
    organization_id: string
    id: string
    client_id: string | null
    number: bigint
    kind: string
    actor: string
    at: Stamp
    payload: Json<unknown>
    recorded_at: Generated<Stamp>
    relayed_at: StampOrNull
  }
}
