/** The tables as Kysely knows them. What they mean stands in `migrations/`. */
import type { Address, Role } from "@capstan/domain"
import type { ColumnType, Generated, GeneratedAlways } from "kysely"

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
    stamp: Generated<string>
    version: Generated<bigint>
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
    member_id: string | null
    operator_id: string | null
    maker_id: string | null
    previous_hash: Buffer | null
    previous_until: StampOrNull
    version: Generated<bigint>
    updated_at: StampOrNull
  }
  access_token_rate: {
    organization_id: string
    token_id: string
    allowance: number
    at: Stamp
    used_at: StampOrNull
  }
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
    low_balance_notified_at: StampOrNull
    out_of_balance_notified_at: StampOrNull
    cap_reset_asked: StampOrNull
    billing_name: string | null
    billing_address: ColumnType<Address.Address | null, string | null | undefined, string | null>
    tax_id: string | null
    tax_id_type: string | null
    locale: string | null
    logo_url: string | null
    deleted_at: StampOrNull
    deleted_external_id: string | null
    anonymized_at: StampOrNull
    version: Generated<bigint>
    events: Generated<bigint>
    search: GeneratedAlways<string>
    status: GeneratedAlways<string>
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
    member: string | null
    meter: string | null
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
    member: string | null
    meter: string | null
    at_end: Generated<"capture" | "release">
    twin_id: string | null
    cut_by: string | null
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
    member: string | null
    meter: string | null
    committed_cost: Generated<bigint>
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
    forecast: Generated<boolean>
  }
  cap_raise: {
    organization_id: string
    id: string
    client_id: string
    cap_id: string
    limit_cost: bigint
    before_cost: bigint
    consent: "none" | "payer" | "provider"
    status: "approved" | "declined" | "expired" | "pending"
    note: string | null
    requested_by: string
    requested_at: Stamp
    expires_at: Stamp
    decided_by: string | null
    decided_at: StampOrNull
  }
  gateway_connection: {
    organization_id: string
    id: string
    gateway: string
    name: string
    secret: Buffer
    created_at: Stamp
    disconnected_at: StampOrNull
  }
  payment_method: {
    organization_id: string
    id: string
    client_id: string
    connection_id: string
    reference: string
    type: string
    brand: string | null
    last4: string | null
    is_default: boolean
    declines: Generated<number>
    inactive: Generated<boolean>
    failed_at: StampOrNull
    failed_code: string | null
    failed_message: string | null
    created_at: Stamp
    removed_at: StampOrNull
  }
  credit_pack: {
    organization_id: string
    id: string
    pack_key: string
    version: number
    name: string
    price: bigint
    currency: string
    credits: bigint
    lasts: ColumnType<unknown, string | null, string | null>
    created_at: Stamp
    archived_at: StampOrNull
  }
  billing_order: {
    organization_id: string
    id: string
    client_id: string
    reason: "auto_recharge" | "overage" | "purchase" | "subscription_cycle"
    reference: string
    request_hash: Buffer | null
    status: "paid" | "partially_refunded" | "pending" | "refunded" | "void"
    currency: string
    subtotal: bigint
    tax: Generated<bigint>
    total: bigint
    refunded: Generated<bigint>
    created_at: Stamp
    paid_at: StampOrNull
    updated_at: Stamp
  }
  billed_period: {
    organization_id: string
    order_id: string
    client_id: string
    subscription_id: string
    plan_version_id: string
    epoch: number
    period: number
    starts_at: Stamp
    ends_at: Stamp
    lifted_by: string | null
    request_key: string | null
    request_hash: Buffer | null
    outcome: "given_back" | "served" | null
    reason: string | null
    settled_at: StampOrNull
  }
  order_line: {
    organization_id: string
    order_id: string
    position: number
    description: string
    pack_id: string | null
    credits: bigint | null
    unit_price: string
    amount: bigint
  }
  payment: {
    organization_id: string
    id: string
    order_id: string
    client_id: string
    method_id: string
    connection_id: string
    amount: bigint
    currency: string
    status: "action_required" | "created" | "declined" | "sent" | "succeeded" | "unknown"
    reference: string | null
    action_url: string | null
    action_at: StampOrNull
    decline_class: string | null
    decline_code: string | null
    decline_message: string | null
    tries: Generated<number>
    due_at: StampOrNull
    unknown_at: StampOrNull
    refunded: Generated<bigint>
    created_at: Stamp
    settled_at: StampOrNull
  }
  payment_reversal: {
    organization_id: string
    id: string
    payment_id: string
    kind: "chargeback" | "refund"
    reference: string
    request_key: string | null
    request_hash: Buffer | null
    status: "created" | "declined" | "sent" | "succeeded" | "unknown"
    amount: bigint
    policy: "block" | "forgive" | "owe"
    credits: Generated<bigint>
    taken: Generated<bigint>
    owed: Generated<bigint>
    forgiven: Generated<bigint>
    tries: Generated<number>
    decline_class: string | null
    decline_code: string | null
    decline_message: string | null
    unknown_at: StampOrNull
    due_at: StampOrNull
    created_at: Stamp
    settled_at: StampOrNull
  }
  sandbox_method: {
    organization_id: string
    reference: string
    customer: string | null
    charges: Generated<number>
    detached: Generated<boolean>
    created_at: Generated<Stamp>
  }
  sandbox_request: {
    organization_id: string
    operation: "charge" | "refund"
    key: string
    tries: number
  }
  sandbox_charge: {
    organization_id: string
    key: string
    reference: string
    method: string
    amount: bigint
    currency: string
    outcome: Json<unknown>
    refunded: Generated<bigint>
    charged_back: Generated<bigint>
    created_at: Generated<Stamp>
  }
  sandbox_refund: {
    organization_id: string
    key: string
    charge_reference: string
    amount: bigint
    reference: string
    created_at: Generated<Stamp>
  }
  balance_watch: {
    organization_id: string
    client_id: string
    low: bigint | null
    notice: Generated<"low" | "none" | "out">
  }
  auto_recharge: {
    organization_id: string
    client_id: string
    enabled: boolean
    threshold: bigint
    amount: bigint
    pack_id: string
    max_per_day: bigint | null
    max_per_month: bigint | null
    cooldown_ms: bigint
    consented_by: string | null
    consented_at: StampOrNull
    phase: "armed" | "cooling" | "in_flight" | "off" | "stopped" | "wanted"
    crossing: Generated<bigint>
    target: Generated<bigint>
    waits: string | null
    cooled_at: StampOrNull
    stopped_reason: string | null
    stopped_class: string | null
    stopped_code: string | null
    stopped_message: string | null
    stopped_at: StampOrNull
    due_at: StampOrNull
    version: Generated<bigint>
    updated_at: Stamp
  }
  recharge: {
    organization_id: string
    id: string
    client_id: string
    crossing: bigint
    order_id: string
    credits: bigint
    amount: bigint
    status: "failed" | "in_flight" | "succeeded"
    max_per_day: bigint | null
    max_per_month: bigint | null
    time_zone: string
    failure: string | null
    failure_code: string | null
    failure_message: string | null
    at: Stamp
    settled_at: StampOrNull
  }
  payer_of_record: {
    organization_id: string
    client_id: string
    number: number
    payer_id: string
    since: Stamp
    actor: string
  }
  client_move: {
    organization_id: string
    id: string
    client_id: string
    from_root: string
    to_root: string
    from_parent: string | null
    to_parent: string | null
    actor: string
    at: Stamp
  }
  member: {
    organization_id: string
    id: string
    client_id: string
    email: string
    name: string | null
    role: Role.Member
    external_id: string | null
    onboarded_at: StampOrNull
    last_seen_at: StampOrNull
    removed_at: StampOrNull
    version: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
  }
  invitation: {
    organization_id: string
    id: string
    client_id: string
    email: string
    name: string | null
    role: Role.Member
    status: "accepted" | "pending" | "revoked"
    invited_by: string
    expires_at: Stamp
    sent: Generated<number>
    sent_at: Stamp
    accepted_at: StampOrNull
    member_id: string | null
    version: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
  }
  operator: {
    organization_id: string
    id: string
    email: string
    name: string | null
    role: Role.Operator
    status: "active" | "invited" | "removed"
    invited_by: string
    invited_at: Stamp
    expires_at: Stamp
    accepted_at: StampOrNull
    removed_at: StampOrNull
    last_seen_at: StampOrNull
    version: Generated<bigint>
    created_at: Stamp
    updated_at: Stamp
  }
  command_key: {
    organization_id: string
    procedure: string
    key: string
    request_hash: Buffer
    answer: Json<unknown>
    sealed: Buffer | null
    client_id: string | null
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
    token_id: string | null
    object_id: string | null
  }
}
