import { Database } from "@capstan/testing"
import { assert, it } from "vitest"

it("the database of the run is migrated, and safe against a crash", async () => {
  const pool = Database.pool()
  const { rows } = await pool.query(
    "select count(*) as tables, current_setting('fsync') as fsync from pg_tables where schemaname = current_schema()"
  )
  await pool.end()
  assert.strictEqual(rows[0].fsync, "on")
  assert.isAbove(Number(rows[0].tables), 0)
})

it("bigint columns arrive as bigint", async () => {
  const pool = Database.pool()
  const { rows } = await pool.query("select 9007199254740993::bigint as n")
  await pool.end()
  assert.deepStrictEqual(rows, [{ n: 9007199254740993n }])
})

it("a clone has the tables of the database, and none of its rows", async () => {
  const clones = await Promise.all([Database.clone(), Database.clone()])
  const tables = async (url: string) => {
    const pool = Database.pool(url)
    const { rows } = await pool.query(
      "select tablename from pg_tables where schemaname = current_schema() order by tablename"
    )
    await pool.end()
    return rows
  }
  const [first, second] = await Promise.all(clones.map(({ url }) => tables(url)))
  assert.deepStrictEqual(first, await tables(Database.url))
  assert.deepStrictEqual(second, first)
  await Promise.all(clones.map(({ drop }) => drop()))
})

it("a dropped clone is gone, whoever was connected", async () => {
  const { url, drop } = await Database.clone()
  const pool = Database.pool(url)
  pool.on("error", () => {})
  await pool.query("select")
  await drop()
  const after = await pool.query("select").then(() => "still there", String)
  await pool.end()
  assert.notStrictEqual(after, "still there")
})
