/**
 * The people who run an organization, replayed from the event log as they stand at one moment: who is there is who the log
 * says, and as long as anybody is active, an OWNER is.
 */
import type { Id } from "@capstan/domain"
import { type Kysely, sql } from "kysely"
import type { Connection } from "../Database.ts"
import * as Operators from "../Operators.ts"
import type { Tables } from "../Tables.ts"
import type { Notes } from "./Findings.ts"

export const examine = ({ db }: Pick<Connection, "db">, organization: Id.Id, notes: Notes): Promise<void> =>
  db
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute(async (trx) => {
      const rows = await Operators.all(trx, organization)
      const log = await toldOf(trx, organization)
      const rowsById = new Map(rows.map((row) => [row.id, shown(row)]))
      for (const id of new Set([...log.keys(), ...rowsById.keys()])) {
        notes.check("operators")
        const [expected, found] = [log.get(id) ?? ["nobody"], rowsById.get(id) ?? "nobody"]
        if (!expected.includes(found)) notes.differ("operators", `operator ${id}`, expected.join("; or "), found)
      }
      const active = rows.filter(({ status }) => status === "active")
      if (active.length === 0) return
      notes.check("operators")
      if (!active.some(({ role }) => role === "OWNER"))
        notes.differ("operators", "all operators", "an active OWNER", "none")
    })

type Person = Pick<Operators.Operator, "role" | "status">

const shown = ({ role, status }: Person): string => `${status}, ${role}`

/**
 * What each may be by the log, in whatever order its lines of one moment came: who has been removed is gone for good, and who
 * was active is never invited again.
 */
const toldOf = async (db: Kysely<Tables>, organization: Id.Id): Promise<ReadonlyMap<Id.Id, ReadonlyArray<string>>> => {
  const { rows } = await sql<{ id: Id.Id; afters: ReadonlyArray<Person | null> }>`
    select (payload ->> 'operator')::uuid as id, json_agg(payload -> 'after') as afters from event
    where organization_id = ${organization} and client_id is null and kind = any(${kinds})
    group by payload ->> 'operator'`.execute(db)
  return new Map(
    rows.flatMap(({ id, afters }) => {
      const people = afters.filter((after) => after !== null)
      if (people.length < afters.length) return []
      const active = people.filter(({ status }) => status === "active")
      return [[id, [...new Set((active.length > 0 ? active : people).map(shown))]] as const]
    })
  )
}

const kinds = ["operator.invited", "operator.accepted", "operator.updated", "operator.removed"]
