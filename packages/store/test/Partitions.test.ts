import { Database as TestDatabase } from "@capstan/testing"
import { afterAll, assert, it } from "vitest"
import * as Database from "../src/Database.ts"
import * as Partitions from "../src/events/Partitions.ts"

const opened: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const close of opened.toReversed()) await close()
})

const open = async () => {
  const { url, drop } = await TestDatabase.clone()
  const database = Database.connect(url, { max: 8 })
  opened.push(drop, database.close)
  const { pool, db } = database
  const insert = (recordedAt: string) =>
    pool.query(
      `insert into event (organization_id, id, number, kind, actor, at, payload, recorded_at)
       values (gen_random_uuid(), gen_random_uuid(), 0, 'test', 'test', now(), '{}', $1)`,
      [recordedAt]
    )
  const rows = async () => {
    const { rows } = await pool.query<{ table: string; rows: bigint }>(
      `select tableoid::regclass::text as table, count(*) as rows from event group by 1 order by 1`
    )
    return Object.fromEntries(rows.map(({ table, rows }) => [table, Number(rows)]))
  }
  return { pool, db, insert, rows }
}

const november = Date.UTC(2026, 10, 20)
const months = ["event_2026_11", "event_2026_12", "event_2027_01", "event_2027_02"]

it("this month and the next three are made, and made once", async () => {
  const { db, insert, rows } = await open()
  assert.deepStrictEqual(await Partitions.make(db, november), { months, busy: false })
  assert.deepStrictEqual(await Partitions.make(db, november), { months: [], busy: false })
  for (const at of ["2026-10-31T23:59:59.999Z", "2026-11-01", "2027-01-31T23:59:59.999Z", "2027-03-01"])
    await insert(at)
  assert.deepStrictEqual(await rows(), { event_2026_11: 1, event_2027_01: 1, event_default: 2 })
  assert.deepStrictEqual((await Partitions.make(db, Date.UTC(2026, 11, 1))).months, ["event_2027_03"])
  assert.deepStrictEqual(await rows(), { event_2026_11: 1, event_2027_01: 1, event_2027_03: 1, event_default: 1 })
})

it("rows that a month had before it was made move with it, also while others write", async () => {
  const { db, insert, rows } = await open()
  for (let n = 0; n < 50; n++) await insert("2026-11-03")
  await insert("2026-12-31T23:59:59.999Z")
  let writing = true
  let written = 0
  const writers = Array.from({ length: 3 }, async () => {
    while (writing) {
      const done = await insert("2026-11-20").then(
        () => true,
        (error: unknown) => Database.sqlState(error) !== Database.lockTimeout && Promise.reject(error)
      )
      if (done) written++
    }
  })
  const made = await Partitions.make(db, november)
  writing = false
  await Promise.all(writers)
  assert.deepStrictEqual(made, { months, busy: false })
  assert.deepStrictEqual(await rows(), { event_2026_11: 50 + written, event_2026_12: 1 })
})

it("several make them at once, and nobody fails", async () => {
  const { db, insert, rows } = await open()
  await insert("2026-11-03")
  const made = await Promise.all(Array.from({ length: 4 }, () => Partitions.make(db, november)))
  made.push(await Partitions.make(db, november))
  assert.deepStrictEqual(made.flatMap(({ months }) => months).toSorted(), months)
  assert.deepStrictEqual(await rows(), { event_2026_11: 1 })
})

it("while somebody writes on and on, months are left to the next time", async () => {
  const { pool, db, rows } = await open()
  const session = await pool.connect()
  await session.query("begin")
  await session.query(
    `insert into event (organization_id, id, number, kind, actor, at, payload, recorded_at)
     values (gen_random_uuid(), gen_random_uuid(), 0, 'test', 'test', now(), '{}', '2026-11-05')`
  )
  assert.deepStrictEqual(await Partitions.make(db, november), { months: [], busy: true })
  await session.query("commit")
  session.release()
  assert.deepStrictEqual(await Partitions.make(db, november), { months, busy: false })
  assert.deepStrictEqual(await rows(), { event_2026_11: 1 })
})
