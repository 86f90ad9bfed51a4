/**
 * When people were seen last, by their sessions. Once a minute of each is enough; a row that somebody else is at is passed
 * over, so that nobody waits for this.
 */
import type { Id, Instant } from "@capstan/domain"
import type { Pool } from "pg"
import type { Person } from "./Caller.ts"

export interface Sighting {
  readonly organization: Id.Id
  readonly person: Pick<Person, "id" | "kind">
  readonly at: Instant.Instant
}

const everyMs = 60_000

export const isDue = (lastSeenAt: Instant.Instant | null, now: Instant.Instant): boolean =>
  lastSeenAt === null || now - lastSeenAt >= everyMs

export const keep = async (pool: Pool, sightings: ReadonlyArray<Sighting>): Promise<void> => {
  for (const [kind, some] of Map.groupBy(sightings, ({ person }) => person.kind))
    await pool.query(statements[kind], [
      some.map(({ organization }) => organization),
      some.map(({ person }) => person.id),
      some.map(({ at }) => new Date(at))
    ])
}

const statementOf = (table: "member" | "operator"): string => `
  with seen as materialized (
    select organization_id, id, max(at) as at
    from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as s (organization_id, id, at) group by organization_id, id
  ), free as materialized (
    select organization_id, id, seen.at from ${table} join seen using (organization_id, id)
    for no key update of ${table} skip locked
  )
  update ${table} p set last_seen_at = greatest(p.last_seen_at, free.at)
  from free where p.organization_id = free.organization_id and p.id = free.id`

const statements = { member: statementOf("member"), operator: statementOf("operator") }
