import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import os from "node:os"
import { fileURLToPath } from "node:url"
import { Database as TestDatabase } from "@capstan/testing"
import { Database, Ids } from "@capstan/store"
import { PgBoss } from "pg-boss"
import { afterAll, assert, it } from "@effect/vitest"
import { onTestFinished } from "vitest"
import type { Log } from "../src/Log.ts"
import * as Queues from "../src/Queues.ts"
import { relayEvents } from "../src/relayEvents.ts"
import * as Worker from "../src/worker.ts"
import * as Scene from "./Scene.ts"

const secret = "a secret of the installation, for tests"

const post = { smtpUrl: null, sender: "capstan@localhost", dir: os.tmpdir(), publicUrl: "http://127.0.0.1" }

/** Keeps what should not have happened. */
const listening = () => {
  const faults: Array<string> = []
  const log: Log = {
    say: () => {},
    warn: (message, fields) => faults.push(`${message} ${JSON.stringify(fields)}`),
    fault: (message, cause) => faults.push(`${message} ${cause instanceof Error ? cause.stack : JSON.stringify(cause)}`)
  }
  return { faults, log }
}

/** Stopped at the latest when the test ends, however it ends. */
const started = async (url: string, log: Log): Promise<Worker.Worker> => {
  const worker = await Worker.start(url, { secret, post, log })
  let stopping: Promise<void> | null = null
  const stop = () => (stopping ??= worker.stop())
  onTestFinished(stop)
  return { ...worker, stop }
}

it("two workers at once, under load, do all that comes due once", { timeout: 180_000 }, async () => {
  const scene = await Scene.create(3, 6)
  onTestFinished(scene.close)
  const { faults, log } = listening()
  const workers = await Promise.all([started(scene.url, log), started(scene.url, log)])
  for (const days of [1, 30, 1, 31, 62, 1]) {
    await scene.advance(days * Scene.day)
    for (let n = 0; n < 8; n++) await scene.spend()
  }
  await scene.advance(Scene.day)
  await Scene.until("all is done", 90_000, scene.isDone)
  await Promise.all(workers.map((worker) => worker.stop()))
  // Of 127 days.
  await scene.audit(5)
  assert.deepStrictEqual(faults, [])
})

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const children = new Set<ChildProcess>()
afterAll(() => {
  for (const child of children) child.kill("SIGKILL")
})

/** The worker as a process of its own, and what it has said so far. */
const launch = (environment: Readonly<Record<string, string>>) => {
  const { DATABASE_URL: _, CAPSTAN_LOG: __, ...rest } = process.env
  const child = spawn(process.execPath, [main], { env: { ...rest, ...environment }, stdio: ["ignore", "pipe", "pipe"] })
  children.add(child)
  const said = { text: "" }
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said.text += text))
  const ended = once(child, "close").then(([code]) => {
    children.delete(child)
    return code as number | null
  })
  return { child, said, ended }
}

it("killed at any instant and started again, it loses nothing and repeats nothing", { timeout: 300_000 }, async () => {
  const scene = await Scene.create(2, 6)
  onTestFinished(scene.close)
  for (let kills = 0; kills < 8; kills++) {
    const worker = launch({ DATABASE_URL: scene.url, CAPSTAN_SECRET: secret })
    await scene.advance(15 * Scene.day)
    await Scene.until("it works", 30_000, async () => worker.said.text.includes("The worker works"))
    const instant = performance.now() + Math.random() * 1_500
    while (performance.now() < instant) await scene.spend()
    worker.child.kill("SIGKILL")
    assert.strictEqual(await worker.ended, null)
  }
  await scene.advance(7 * Scene.day)
  const worker = launch({ DATABASE_URL: scene.url, CAPSTAN_SECRET: secret })
  // What the last one had in hand is missed after ten seconds or so.
  await Scene.until("all is done", 120_000, scene.isDone)
  worker.child.kill("SIGTERM")
  assert.deepStrictEqual([await worker.ended, worker.said.text.includes('"level":50')], [0, false], worker.said.text)
  // Of 127 days.
  await scene.audit(5)
})

it("cut off from the database, it finds it again and goes on", { timeout: 180_000 }, async () => {
  const scene = await Scene.create(2, 4)
  onTestFinished(scene.close)
  const { log } = listening()
  const worker = await started(scene.url, log)
  let cut = 0
  for (let cuts = 0; cuts < 4; cuts++) {
    await scene.advance(15 * Scene.day)
    await scene.spend()
    const { rowCount } = await scene.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name in ('capstan worker', 'capstan jobs')`
    )
    cut += rowCount ?? 0
  }
  await scene.advance(7 * Scene.day)
  for (let n = 0; n < 8; n++) await scene.spend()
  await Scene.until("all is done", 120_000, scene.isDone)
  await worker.stop()
  assert.isAbove(cut, 0)
  // Of 67 days.
  await scene.audit(3)
})

it("a crash between handing on and marking repeats the same job", async () => {
  const scene = await Scene.create(1, 1)
  onTestFinished(scene.close)
  const { faults, log } = listening()
  const { db, close } = Database.connect(scene.url, { max: 2 })
  onTestFinished(close)
  const sent: Array<string> = []
  const run = () => Promise.reject(new Error("No job is to run here."))
  const queues = await Queues.open(scene.url, run, log)
  await queues.close()
  const boss = new PgBoss({ connectionString: scene.url, schema: "pgboss", max: 1 })
  boss.on("error", (error) => faults.push(String(error)))
  await boss.start()
  for (let n = 0; n < 4; n++) await scene.spend()
  let crashes = 2
  const relay = relayEvents(
    { db },
    {
      send: async (sends) => {
        for (const { queue, id, data } of sends) await boss.insert(queue, [{ id, data }])
        sent.push(...sends.map(({ id }) => id))
        if (crashes-- > 0) throw new Error("crash")
      }
    }
  )
  const { signal } = new AbortController()
  for (let n = 0; n < 2; n++)
    assert.strictEqual(
      await relay(signal).then(
        () => "",
        ({ message }) => message
      ),
      "crash"
    )
  assert.strictEqual(await relay(signal), "nothing")
  const { rows } = await scene.pool.query("select id, state from pgboss.job where name = 'announce-threshold'")
  assert.strictEqual(sent.length, 3 * rows.length)
  assert.sameMembers(
    rows.map(({ id }) => id),
    [...new Set(sent)]
  )
  assert.isAbove(rows.length, 0)
  await boss.stop()
  const worker = await started(scene.url, log)
  await Scene.until("all is done", 30_000, scene.isDone)
  await worker.stop()
  await scene.audit(1)
  assert.deepStrictEqual(faults, [])
})

it("what fails is tried again, and in the end lies with the dead", async () => {
  const scene = await Scene.create(1, 1)
  onTestFinished(scene.close)
  const { faults, log } = listening()
  const worker = await started(scene.url, log)
  const none = Ids.mint()
  const { rows: organizations } = await scene.pool.query("select id from organization")
  const payload = { cap: none, start: 0, percent: 50, used: "1", limit: "2" }
  await scene.pool.query(
    `insert into event (organization_id, id, client_id, number, kind, actor, at, payload)
     values ($1, $2, $2, 1, 'spending_threshold.reached', 'test', now(), $3)`,
    [organizations[0].id, none, payload]
  )
  const stateOf = async () => {
    const { rows } = await scene.pool.query("select state, retry_count as retries from pgboss.job where id = $1", [
      none
    ])
    return rows[0]
  }
  await Scene.until("it is tried again", 30_000, async () => (await stateOf())?.retries >= 1)
  await scene.pool.query("update pgboss.job set retry_limit = retry_count + 1 where id = $1", [none])
  const dead = async () =>
    (await scene.pool.query("select data from pgboss.job where name = 'dead' and source_id = $1", [none])).rows
  await Scene.until("it is dead", 30_000, async () => (await dead()).length > 0)
  // And nothing of what the event says.
  assert.deepStrictEqual((await dead())[0].data, { id: none, organization: organizations[0].id })
  await worker.stop()
  assert.include(faults.join(), "NotFound")
})

const sayings: ReadonlyArray<readonly [string, () => Promise<string | undefined>, RegExp]> = [
  ["no database", async () => undefined, /^DATABASE_URL is missing or no postgres:\/\/ URL: set it, .*\.\n$/],
  [
    "a database that cannot be reached",
    async () => "postgres://nobody@127.0.0.1:1/none",
    /^The database at 127\.0\.0\.1:1 cannot be reached \(.*\): start it, or mend DATABASE_URL\.\n$/
  ],
  [
    "a database that was not migrated",
    async () => {
      const { url, drop } = await TestDatabase.clone()
      const pool = TestDatabase.pool(url)
      await pool.query("drop schema public cascade")
      await pool.query("create schema public")
      await pool.end()
      afterAll(drop)
      return url
    },
    /^The database is behind by .*: run `capstan migrate`\.\n$/
  ]
]

for (const [what, url, sentence] of sayings)
  it(`with ${what} it says so in one sentence, and ends`, async () => {
    const database = await url()
    const { said, ended } = launch({
      CAPSTAN_SECRET: secret,
      ...(database !== undefined && { DATABASE_URL: database })
    })
    assert.strictEqual(await ended, 1)
    assert.match(said.text, sentence)
  })

it("without the secret of the installation it says so in one sentence, and ends", async () => {
  const { said, ended } = launch({ DATABASE_URL: TestDatabase.url, CAPSTAN_SECRET: "" })
  assert.strictEqual(await ended, 1)
  assert.match(
    said.text,
    /^CAPSTAN_SECRET is missing or shorter than 32 characters: set it to that of the API; .*\.\n$/
  )
})
