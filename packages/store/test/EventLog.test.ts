/** A token that is confined reads the log of its subtree, and pays for that alone. */
import { Client, Database as Test, Organization } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Kysely, PostgresDialect } from "kysely"
import { afterAll } from "vitest"
import { Database, EventView } from "../src/index.ts"
import type { Tables } from "../src/Tables.ts"

const connection = Database.connect(Test.url, { max: 4 })
const pool = Test.pool()
afterAll(() => Promise.all([connection.close(), pool.end()]))

const others = 20_000

/** One with a long log; beside it a parent with children that have five events each. */
const estate = async (children: number) => {
  const { id: organization } = await Organization.create(pool)
  const loud = await Client.create(pool, { id: organization })
  const parent = await Client.create(pool, { id: organization })
  const below = await Promise.all(
    Array.from({ length: children }, () => Client.create(pool, { id: organization }, { parent }))
  )
  const tell = (clients: ReadonlyArray<string>, many: number) =>
    pool.query(
      `insert into event (organization_id, id, client_id, number, kind, actor, at, payload)
       select $1, gen_random_uuid(), c, n + 1000, 'client.updated', 'token:test',
         '2026-03-01'::timestamptz + n * interval '1 second', '{}'
       from unnest($2::uuid[]) c, generate_series(1, $3::int) n`,
      [organization, clients, many]
    )
  await tell([loud], others)
  await tell([parent, ...below], 5)
  await pool.query("analyze event, client")
  return { organization, parent, below }
}

/** What was asked, and how many rows of the log Postgres looks at for it. */
const listening = () => {
  const asked: Array<{ readonly sql: string; readonly values: ReadonlyArray<unknown> }> = []
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: connection.pool }),
    log: ({ query }) => void asked.push({ sql: query.sql, values: query.parameters })
  })
  const looked = async (): Promise<number> => {
    const log = asked.find(({ sql }) => sql.includes('from "event"'))
    if (log === undefined) throw new Error("Nobody asked for the log")
    const { rows } = await pool.query<{ "QUERY PLAN": ReadonlyArray<{ readonly Plan: Plan }> }>(
      `explain (analyze, format json) ${log.sql}`,
      [...log.values]
    )
    return rows[0]?.["QUERY PLAN"].reduce((sum, { Plan }) => sum + rowsOf(Plan), 0) ?? 0
  }
  return { db, looked }
}

interface Plan {
  readonly "Relation Name"?: string
  readonly "Actual Rows": number
  readonly "Actual Loops": number
  readonly "Rows Removed by Filter"?: number
  readonly Plans?: ReadonlyArray<Plan>
}

const rowsOf = (plan: Plan): number => {
  const own = plan["Relation Name"]?.startsWith("event")
    ? (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"]
    : 0
  return (plan.Plans ?? []).reduce((sum, below) => sum + rowsOf(below), own)
}

describe("the log of a subtree", () => {
  for (const children of [0, 30])
    it(`with ${children} below looks at none of the events of others`, async () => {
      const { organization, parent, below } = await estate(children)
      const { db, looked } = listening()
      const within = { organization, reach: parent }
      const listed = Result.getOrThrow(await EventView.list(db, within, { limit: 20 }))
      const mine = new Set([parent, ...below])
      assert.isTrue(listed.items.every(({ client }) => client !== null && mine.has(client)))
      assert.isAtMost(await looked(), 21 * mine.size)
      const all: Array<string> = listed.items.map(({ id }) => id)
      for (let cursor = listed.nextCursor; cursor !== null;) {
        const next = Result.getOrThrow(await EventView.list(db, within, { limit: 50, cursor }))
        all.push(...next.items.map(({ id }) => id))
        cursor = next.nextCursor
      }
      const { rows } = await pool.query<{ id: string }>(
        "select id from event where organization_id = $1 and client_id = any($2) order by at desc, id desc",
        [organization, [...mine]]
      )
      assert.deepStrictEqual(
        all,
        rows.map(({ id }) => id)
      )
    })
})
