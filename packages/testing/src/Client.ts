/** A client with an empty wallet, on its own or below another. */
import type pg from "pg"
import { v7 } from "uuid"
import { epoch } from "./Organization.ts"

export interface Options {
  readonly parent?: string
  readonly externalId?: string
  readonly name?: string
  /** True unless told: it may spend at once. */
  readonly onboarded?: boolean
  readonly usesParentBalance?: boolean
  /** In micro-credits. */
  readonly overdraftLimit?: bigint
  readonly metadata?: Readonly<Record<string, boolean | number | string>>
  /** Those of the organization unless told. */
  readonly currency?: string
  readonly timeZone?: string
  readonly at?: number
}

/** The new client's id. */
export const create = async (
  pool: pg.Pool,
  organization: { readonly id: string },
  options: Options = {}
): Promise<string> => {
  const id = v7()
  const at = new Date(options.at ?? epoch)
  const { rows: parents } = await pool.query<{ root_id: string; path: ReadonlyArray<string> }>(
    "select root_id, path from client where organization_id = $1 and id = $2",
    [organization.id, options.parent ?? null]
  )
  const parent = parents[0]
  if (parent === undefined) {
    if (options.parent !== undefined) throw new Error(`There is no client ${options.parent} to be a parent.`)
    await pool.query("insert into tree (organization_id, root_id, stamp, at) values ($1, $2, $3, $4)", [
      organization.id,
      id,
      v7(),
      at
    ])
  }
  await pool.query(
    `insert into client (organization_id, id, root_id, parent_id, path, external_id, name, currency, time_zone, metadata,
       uses_parent_balance, overdraft_limit, onboarded_at, created_at, updated_at)
     select id, $2, $3, $4, $5, $6, $7, coalesce($8, currency), coalesce($9, time_zone), $10, $11, $12, $13, $14, $14
     from organization where id = $1`,
    [
      organization.id,
      id,
      parent?.root_id ?? id,
      options.parent ?? null,
      parent === undefined ? [] : [...parent.path, options.parent],
      options.externalId ?? null,
      options.name ?? "Client",
      options.currency ?? null,
      options.timeZone ?? null,
      JSON.stringify(options.metadata ?? {}),
      options.usesParentBalance ?? false,
      options.overdraftLimit ?? 0n,
      (options.onboarded ?? true) ? at : null,
      at
    ]
  )
  await pool.query("insert into wallet (organization_id, client_id) values ($1, $2)", [organization.id, id])
  await pool.query(
    `insert into payer_of_record (organization_id, client_id, number, payer_id, since, actor)
     select $1, $2, 1, m.id, $3, 'test' from client c
     cross join unnest(c.path || c.id) with ordinality as l(id, depth)
     join client m on m.organization_id = c.organization_id and m.id = l.id
     where c.organization_id = $1 and c.id = $2 and (not m.uses_parent_balance or m.parent_id is null)
     order by l.depth desc limit 1`,
    [organization.id, id, at]
  )
  return id
}
