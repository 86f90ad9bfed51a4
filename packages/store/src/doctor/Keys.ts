/**
 * Promise 2, of all entries of an organization in the order of their keys: no key twice, and nobody's entry. Each page is
 * one statement, which sees a wallet and its entries at one moment.
 */
import type { Id } from "@capstan/domain"
import { sql } from "kysely"
import type { Connection } from "../Database.ts"
import type { Notes } from "./Findings.ts"
import * as Sales from "./Sales.ts"

interface Row {
  readonly client_id: string
  readonly namespace: string
  readonly key: string
  readonly payer_id: string
  readonly seq: bigint
  readonly has_client: boolean
  readonly last: bigint | null
}

const page = 2_000

export const examine = async ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> => {
  let last: Row | undefined
  while (true) {
    const after =
      last === undefined
        ? sql``
        : sql`and (e.client_id, e.namespace, e.key, e.payer_id, e.seq)
            > (${last.client_id}::uuid, ${last.namespace}, ${last.key}, ${last.payer_id}::uuid, ${last.seq}::bigint)`
    const { rows } = await sql<Row>`
      select e.client_id, e.namespace, e.key, e.payer_id, e.seq, c.id is not null as has_client, w.seq as last
      from (
        select client_id, namespace, key, payer_id, seq from entry e where e.organization_id = ${organization} ${after}
        order by client_id, namespace, key, payer_id, seq limit ${page}
      ) e
      left join client c on c.organization_id = ${organization} and c.id = e.client_id
      left join wallet w on w.organization_id = ${organization} and w.client_id = e.payer_id
      order by e.client_id, e.namespace, e.key, e.payer_id, e.seq`.execute(db)
    for (const row of rows) {
      compare(notes, last, row)
      last = row
    }
    await Sales.compareEntries(
      db,
      organization,
      rows.filter(({ namespace }) => namespace === "order"),
      notes
    )
    if (rows.length < page) return
  }
}

const compare = (notes: Notes, before: Row | undefined, row: Row): void => {
  const { client_id, namespace, key, payer_id, seq, has_client, last } = row
  const where = `entry ${seq} of wallet ${payer_id}`
  notes.check("keys")
  if (before?.client_id === client_id && before.namespace === namespace && before.key === key)
    notes.differ(
      "keys",
      where,
      `one entry under ${namespace} ${key}`,
      `also entry ${before.seq} of wallet ${before.payer_id}`
    )
  notes.check("owners")
  if (!has_client) notes.differ("owners", where, `client ${client_id}`, "no such client")
  if (last === null) notes.differ("owners", where, `wallet ${payer_id}`, "no such wallet")
  else if (seq > last) notes.differ("sequence", where, `at most ${last}`, seq)
}
