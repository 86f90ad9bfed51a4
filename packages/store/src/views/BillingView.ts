/** How a client pays, as rows: its recharge, what is watched of its balance, its default method, when it was last told. */
import type { Currency, Id, Instant, Money } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import * as PaymentMethods from "../PaymentMethods.ts"
import type { Tables } from "../Tables.ts"

interface AutoRecharge {
  readonly enabled: boolean
  readonly threshold: bigint
  readonly amount: bigint
  /** The key of the credit pack. */
  readonly pack: string
  readonly maxPerDay: Money.Money | null
  readonly maxPerMonth: Money.Money | null
  readonly cooldownSeconds: number
  readonly consent: { readonly by: string; readonly at: Instant.Instant } | null
  readonly state: {
    readonly phase: "armed" | "cooling" | "in_flight" | "off" | "stopped" | "wanted"
    /** Why it waits, or has stopped. */
    readonly reason: string | null
    readonly message: string | null
    readonly stoppedAt: Instant.Instant | null
    readonly dueAt: Instant.Instant | null
  }
}

export interface Facts {
  readonly autoRecharge: AutoRecharge | null
  readonly lowBalance: bigint | null
  readonly paymentMethod: PaymentMethods.PaymentMethod | null
}

export interface Notifications {
  readonly lowBalanceAt: Instant.Instant | null
  readonly outOfBalanceAt: Instant.Instant | null
  readonly spendingCapAt: Instant.Instant | null
}

interface Row {
  readonly enabled: boolean | null
  readonly threshold: bigint
  readonly amount: bigint
  readonly pack: string
  readonly currency: Currency.Currency
  readonly max_per_day: bigint | null
  readonly max_per_month: bigint | null
  readonly cooldown_ms: bigint
  readonly consented_by: string | null
  readonly consented_at: Instant.Instant | null
  readonly phase: AutoRecharge["state"]["phase"]
  readonly waits: string | null
  readonly stopped_reason: string | null
  readonly stopped_message: string | null
  readonly stopped_at: Instant.Instant | null
  readonly due_at: Instant.Instant | null
  readonly low: bigint | null
}

export const facts = async (db: Kysely<Tables>, organization: Id.Id, client: Id.Id): Promise<Facts> => {
  const { rows } = await sql<Row>`
    select r.enabled, r.threshold, r.amount, p.pack_key as pack, p.currency, r.max_per_day, r.max_per_month, r.cooldown_ms,
      r.consented_by, r.consented_at, r.phase, r.waits, r.stopped_reason, r.stopped_message, r.stopped_at, r.due_at,
      w.low
    from client c
    left join auto_recharge r on r.organization_id = c.organization_id and r.client_id = c.id
    left join credit_pack p on p.organization_id = r.organization_id and p.id = r.pack_id
    left join balance_watch w on w.organization_id = c.organization_id and w.client_id = c.id
    where c.organization_id = ${organization} and c.id = ${client}`.execute(db)
  const [row] = rows
  return {
    autoRecharge: row === undefined || row.enabled === null ? null : toRecharge({ ...row, enabled: row.enabled }),
    lowBalance: row?.low ?? null,
    paymentMethod: (await PaymentMethods.defaultOf(db, organization, client)) ?? null
  }
}

/** When the client was last told of what is so still: nothing of a balance that is back, or of a window that is over. */
export const notifications = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  at: Instant.Instant
): Promise<Notifications> => {
  const { rows } = await sql<Notifications>`
    select
      case when w.notice <> 'none' then c.low_balance_notified_at end as "lowBalanceAt",
      case when w.notice = 'out' then c.out_of_balance_notified_at end as "outOfBalanceAt",
      case when exists (
        select from cap p join cap_window v on v.organization_id = p.organization_id and v.cap_id = p.id
        where p.organization_id = c.organization_id and p.client_id = c.id and p.removed_at is null
          and (v.told > 0 or v.forecast) and v.starts_at <= ${new Date(at)}
          and (v.ends_at is null or v.ends_at > ${new Date(at)})
      ) then c.spending_cap_notified_at end as "spendingCapAt"
    from client c
    left join balance_watch w on w.organization_id = c.organization_id and w.client_id = c.id
    where c.organization_id = ${organization} and c.id = ${client}`.execute(db)
  return rows[0] ?? { lowBalanceAt: null, outOfBalanceAt: null, spendingCapAt: null }
}

const toRecharge = (row: Row & { readonly enabled: boolean }): AutoRecharge => ({
  enabled: row.enabled,
  threshold: row.threshold,
  amount: row.amount,
  pack: row.pack,
  maxPerDay: money(row.max_per_day, row.currency),
  maxPerMonth: money(row.max_per_month, row.currency),
  cooldownSeconds: Number(row.cooldown_ms / 1_000n),
  consent:
    row.consented_by === null || row.consented_at === null ? null : { by: row.consented_by, at: row.consented_at },
  state: {
    phase: row.enabled || row.phase === "in_flight" ? row.phase : "off",
    reason: row.stopped_reason ?? row.waits,
    message: row.stopped_message,
    stoppedAt: row.stopped_at,
    dueAt: row.due_at
  }
})

const money = (amount: bigint | null, currency: Currency.Currency): Money.Money | null =>
  amount === null ? null : { amount: amount as Money.Minor, currency }

/** When one of these entries was posted last; they are named by their keys. */
export const lastPosted = async (
  db: Kysely<Tables>,
  organization: Id.Id,
  client: Id.Id,
  namespace: string,
  keys: ReadonlyArray<string>
): Promise<Instant.Instant | null> => {
  const row = await db
    .selectFrom("entry")
    .select((eb) => eb.fn.max("at").as("at"))
    .where("organization_id", "=", organization)
    .where("client_id", "=", client)
    .where("namespace", "=", namespace)
    .where((eb) => eb("key", "=", eb.fn.any(eb.val([...keys]))))
    .executeTakeFirst()
  return row?.at ?? null
}
