/** Everybody that a client ever had, as a member or invited: who they were, and how they are forgotten. */
import type { Id } from "@capstan/domain"
import { sql } from "kysely"
import type { Trx } from "./Database.ts"

export interface Known {
  readonly email: string
  readonly name: string | null
}

interface Row extends Known {
  readonly id: Id.Id
}

const tables = ["member", "invitation"] as const

export const everOf = async (trx: Trx, organization: Id.Id, client: Id.Id): Promise<ReadonlyArray<Known>> => {
  const found: Array<Known> = []
  for (const table of tables) found.push(...(await rowsOf(trx, table, organization, client)))
  return found
}

const rowsOf = async (
  trx: Trx,
  table: (typeof tables)[number],
  organization: Id.Id,
  client: Id.Id
): Promise<ReadonlyArray<Row>> => {
  const { rows } = await sql<Row>`
    select id, email, name from ${sql.table(table)}
    where organization_id = ${organization} and client_id = ${client}`.execute(trx)
  return rows
}

/** What stands for an address and for a name from now on. */
interface Standing {
  readonly addressOf: (email: string) => string
  readonly nameOf: (name: string) => string
}

export const anonymize = async (
  trx: Trx,
  organization: Id.Id,
  client: Id.Id,
  { addressOf, nameOf }: Standing
): Promise<void> => {
  for (const table of tables) {
    const rows = await rowsOf(trx, table, organization, client)
    if (rows.length === 0) continue
    await sql`
      update ${sql.table(table)} p set email = given.email, name = given.name
        ${table === "member" ? sql`, external_id = null` : sql``}
      from unnest(
        ${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ email }) => addressOf(email))}::text[],
        ${rows.map(({ name }) => (name === null ? null : nameOf(name)))}::text[]
      ) as given(id, email, name)
      where p.organization_id = ${organization} and p.id = given.id`.execute(trx)
  }
}
