/** What was committed, in order: written by triggers under the lock of a root, so that within a tree it is the order of commits. */
import type { Database as TestDatabase } from "@capstan/testing"

type Pool = ReturnType<typeof TestDatabase.pool>
type Portion = readonly [from: string, amount: string, cost: string, charged: 0 | 1]
export type LotRow = readonly [
  id: string,
  kind: "extra" | "included" | "promo",
  left: string,
  held: string,
  priority: number,
  effectiveAt: number,
  expiresAt: number | null,
  unitCost: string,
  source: string,
  allowance: 0 | 1,
  outlives: number | null,
  features: ReadonlyArray<string> | null
]

export interface EntryRow {
  readonly payer: string
  readonly seq: number
  readonly client: string
  readonly namespace: string
  readonly key: string
  readonly kind: string
  readonly asked: string | null
  readonly amount: string
  readonly balance: string
  readonly hold: string | null
  readonly member: string | null
  readonly meter: string | null
  readonly at: number
  readonly detail: {
    readonly portions?: ReadonlyArray<Portion>
    readonly excess?: ReadonlyArray<Portion>
    readonly back?: ReadonlyArray<Portion>
    readonly lapsed?: ReadonlyArray<Portion>
    readonly lots?: ReadonlyArray<LotRow>
    readonly regranted?: LotRow | null
    readonly shares?: ReadonlyArray<readonly [lot: string, amount: string]>
    readonly debt?: string
    readonly overdraft?: string
    readonly debit?: number
    readonly why?: "expired" | "released"
    readonly expiresAt?: number
    readonly at?: number
    readonly owed?: string
    readonly forgiven?: string
  }
  readonly counts: ReadonlyArray<
    readonly [cap: string, start: number, end: number | null, scope: string, used: string, held: string]
  > | null
}

export interface ClientRow {
  readonly id: string
  readonly root_id: string
  readonly parent_id: string | null
  readonly uses_parent_balance: boolean
  readonly overdraft_limit: number
  readonly suspensions: ReadonlyArray<{ readonly cause: string }>
}

export interface CapRow {
  readonly id: string
  readonly client_id: string
  readonly name: string
  readonly limit_cost: number
  readonly committed_cost: number
  readonly every: "30_days" | "billing_period" | "day" | "lifetime" | "month" | "week"
  readonly scope: "all" | "billed" | "extra"
  readonly member: string | null
  readonly meter: string | null
  readonly enforcement: "alert" | "hard"
  readonly anchor: string
  readonly removed_at: string | null
}

export interface WindowRow {
  readonly cap_id: string
  readonly starts_at: string
  readonly used: number
  readonly held: number
}

/** One that has moved, or was cut. */
export interface HoldRow {
  readonly id: string
  readonly root_id: string
  readonly client_id: string
  readonly payer_id: string
  readonly portions: ReadonlyArray<Portion>
  readonly places: ReadonlyArray<readonly [cap: string, start: number, ...rest: ReadonlyArray<unknown>]>
  readonly expires_at: string
  readonly twin_id: string | null
}

export type Line =
  | { readonly n: number; readonly what: "entry"; readonly row: EntryRow }
  | { readonly n: number; readonly what: "client"; readonly row: ClientRow }
  | { readonly n: number; readonly what: "cap"; readonly row: CapRow }
  | { readonly n: number; readonly what: "cap_window"; readonly row: WindowRow }
  | { readonly n: number; readonly what: "hold"; readonly row: HoldRow }

/** To be called on a database of the test's own. */
export const begin = async (pool: Pool): Promise<void> => {
  for (const text of [
    "create table journal (n bigserial primary key, organization_id uuid, what text, row jsonb, payer uuid, seq bigint)",
    "create index on journal (organization_id, n)",
    `create function note_entry() returns trigger language plpgsql as $$ begin
       insert into journal (organization_id, what, payer, seq) values (new.organization_id, 'entry', new.payer_id, new.seq);
       return null;
     end $$`,
    `create function note_row() returns trigger language plpgsql as $$ begin
       insert into journal (organization_id, what, row) values (new.organization_id, tg_table_name, to_jsonb(new));
       return null;
     end $$`,
    "create trigger note after insert on entry for each row execute function note_entry()",
    "create trigger note after insert or update on cap for each row execute function note_row()",
    "create trigger note after insert on cap_window for each row execute function note_row()",
    `create trigger note after insert on hold for each row when (new.cut_by is not null) execute function note_row()`,
    `create trigger note_change after update on hold for each row
       when ((old.root_id, old.payer_id, old.twin_id, old.places::text)
         is distinct from (new.root_id, new.payer_id, new.twin_id, new.places::text))
       execute function note_row()`,
    "create trigger note after insert on client for each row execute function note_row()",
    `create trigger note_change after update on client for each row
       when ((old.root_id, old.parent_id, old.uses_parent_balance, old.overdraft_limit, old.suspensions::text)
         is distinct from
         (new.root_id, new.parent_id, new.uses_parent_balance, new.overdraft_limit, new.suspensions::text))
       execute function note_row()`
  ])
    await pool.query(text)
}

export const read = async (pool: Pool, organization: string): Promise<ReadonlyArray<Line>> => {
  const { rows } = await pool.query<Line>(
    `select j.n::int4, j.what, coalesce(j.row, json_build_object('payer', e.payer_id, 'seq', e.seq, 'client', e.client_id,
       'namespace', e.namespace, 'key', e.key, 'kind', e.kind, 'asked', e.asked::text, 'amount', e.amount::text,
       'balance', e.balance::text, 'hold', e.hold_id, 'member', e.member, 'meter', e.meter, 'at', extract(epoch from e.at) * 1000, 'detail', e.detail,
       'counts', e.counts)::jsonb) as row
     from journal j left join entry e
       on e.organization_id = j.organization_id and e.payer_id = j.payer and e.seq = j.seq
     where j.organization_id = $1 order by j.n`,
    [organization]
  )
  return rows
}
