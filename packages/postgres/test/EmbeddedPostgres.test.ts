import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { EmbeddedPostgres } from "@capstan/postgres"
import pg from "pg"
import { afterEach, assert, beforeEach, describe, it } from "vitest"

let folder: string
let dir: string
let servers: ReadonlyArray<EmbeddedPostgres.EmbeddedPostgres>

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "capstan-postgres-"))
  dir = path.join(folder, "deep", "data")
  servers = []
})

afterEach(async () => {
  await Promise.all(servers.map(({ stop }) => stop()))
  fs.rmSync(folder, { recursive: true, force: true })
})

const start = async () => {
  const server = await EmbeddedPostgres.start({ dir, database: "a database" })
  servers = [server]
  return server
}

const query = async ({ url }: EmbeddedPostgres.EmbeddedPostgres, text: string): Promise<ReadonlyArray<unknown>> => {
  const client = new pg.Client(url)
  client.on("error", () => {})
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const refusal = (promise: Promise<unknown>): Promise<string> => promise.then(() => "started", String)

describe("a first start", () => {
  it("makes a database that keeps what it acknowledges", async () => {
    const server = await start()
    assert.deepStrictEqual(
      await query(server, "select current_database() as name, current_setting('fsync') as fsync"),
      [{ name: "a database", fsync: "on" }]
    )
  })

  it("leaves the password to its owner alone", async () => {
    await start()
    assert.strictEqual(fs.statSync(path.join(dir, "capstan.secret")).mode & 0o777, 0o600)
    assert.deepStrictEqual(fs.readdirSync(path.dirname(dir)).toSorted(), ["data", "data.log"])
  })

  it("made four times at once is one server", async () => {
    const starts = await Promise.all([start(), start(), start(), start()])
    assert.strictEqual(new Set(starts.map(({ pid }) => pid)).size, 1)
    assert.strictEqual(new Set(starts.map(({ url }) => url)).size, 1)
  })

  it("made by four processes at once is one server", async () => {
    const pids = await Promise.all([1, 2, 3, 4].map(() => startElsewhere().then(({ pid }) => pid)))
    assert.deepStrictEqual([...new Set(pids)], [(await start()).pid])
  })

  it("refuses a folder that holds something else", async () => {
    fs.mkdirSync(dir, { recursive: true })
    fs.writeFileSync(path.join(dir, "letter"), "")
    assert.match(await refusal(start()), /holds no database: remove it, or choose another folder/)
  })

  it("refuses the data of another version", async () => {
    fs.mkdirSync(dir, { recursive: true })
    fs.writeFileSync(path.join(dir, "PG_VERSION"), "12\n")
    assert.match(await refusal(start()), /written by PostgreSQL 12 and this is 18/)
  })

  it("says what the server has against its settings", async () => {
    const refused = EmbeddedPostgres.start({ dir, database: "a", settings: { no_such_setting: 1 } })
    assert.match(await refusal(refused), /unrecognized configuration parameter "no_such_setting"\. See .*data\.log/)
  })
})

describe("a later start", () => {
  it("attaches to the server that runs", async () => {
    const first = await start()
    assert.strictEqual((await start()).pid, first.pid)
  })

  it("finds the data after a clean stop", async () => {
    const first = await start()
    await query(first, "create table kept as select 7 as n")
    await first.stop()
    const second = await start()
    assert.notStrictEqual(second.pid, first.pid)
    assert.deepStrictEqual(await query(second, "select n from kept"), [{ n: 7 }])
  })

  it("finds the data after kill -9 of the server", async () => {
    const first = await start()
    await query(first, "create table kept as select 7 as n")
    process.kill(first.pid, "SIGKILL")
    const second = await start()
    assert.notStrictEqual(second.pid, first.pid)
    assert.deepStrictEqual(await query(second, "select n from kept"), [{ n: 7 }])
  })

  it("finds the data where the old pid is another process by now", async () => {
    const first = await start()
    await query(first, "create table kept as select 7 as n")
    const file = path.join(dir, "postmaster.pid")
    const stale = fs.readFileSync(file, "utf8")
    process.kill(first.pid, "SIGKILL")
    const bystander = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"])
    await once(bystander, "spawn")
    fs.writeFileSync(file, stale.replace(/^\d+/, String(bystander.pid)))
    try {
      assert.deepStrictEqual(await query(await start(), "select n from kept"), [{ n: 7 }])
    } finally {
      await killed(bystander)
    }
  })

  it("refuses to go on with a password that is not the server's", async () => {
    await start()
    fs.writeFileSync(path.join(dir, "capstan.secret"), "guess")
    assert.match(await refusal(EmbeddedPostgres.start({ dir, database: "a" })), /bring back its capstan.secret/)
  })
})

describe("a server", () => {
  it("outlives kill -9 of the process that started it", async () => {
    const { child, pid } = await startElsewhere("await new Promise((resolve) => setTimeout(resolve, 60_000))")
    await killed(child)
    assert.strictEqual((await start()).pid, pid)
  })

  it("keeps no process alive", async () => {
    const { child } = await startElsewhere()
    if (child.exitCode === null) await once(child, "exit")
    assert.strictEqual(child.exitCode, 0)
    await start()
  })

  it("stopped twice is stopped", async () => {
    const server = await start()
    await server.stop()
    await server.stop()
    assert.throws(() => process.kill(server.pid, 0))
  })
})

/** Starts the same server from a process of its own. */
const startElsewhere = async (then = ""): Promise<{ readonly child: ChildProcess; readonly pid: number }> => {
  const script = `
    import { EmbeddedPostgres } from "@capstan/postgres"
    const { pid } = await EmbeddedPostgres.start({ dir: ${JSON.stringify(dir)}, database: "a database" })
    process.stdout.write(String(pid))
    ${then}`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const [pid] = await once(child.stdout, "data")
  return { child, pid: Number(pid) }
}

const killed = async (child: ChildProcess): Promise<void> => {
  const exit = once(child, "exit")
  child.kill("SIGKILL")
  await exit
}
