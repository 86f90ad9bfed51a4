import { execFile, spawnSync } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import { promisify } from "node:util"
import { Database } from "@capstan/testing"
import { afterAll, assert, describe, it } from "vitest"
import * as Capstan from "./Capstan.ts"

const dirs: Array<string> = []
const pids = new Set<number>()

const place = async () => {
  const dir = Capstan.folder()
  dirs.push(dir)
  return { CAPSTAN_DIR: dir, PORT: `${await Capstan.freePort()}` }
}
const start = async (environment: { readonly CAPSTAN_DIR: string; readonly PORT: string }) => {
  const run = Capstan.run(["start"], environment)
  pids.add(run.child.pid ?? 0)
  await Capstan.whenSaid(run, "Ctrl-C stops it")
  pids.add(Capstan.postmaster(environment.CAPSTAN_DIR))
  return { ...run, pid: run.child.pid ?? 0 }
}
const kill = (pid: number) => {
  try {
    process.kill(pid, "SIGKILL")
  } catch {}
}
afterAll(() => {
  for (const pid of pids) kill(pid)
  for (const dir of dirs) fs.rmSync(dir, { recursive: true, force: true })
})

/** What a start prints to be tried, run as it stands. */
const tried = async (output: string): Promise<{ readonly replayed: boolean }> => {
  const [command = "false"] = /curl[\s\S]*?'\{.*\}'/.exec(output) ?? []
  const { stdout } = await promisify(execFile)("sh", ["-c", command])
  return JSON.parse(stdout)
}
const api = (pid: number) => Capstan.childrenOf(pid).find(({ what }) => what.includes("/api/"))?.pid ?? 0

describe("capstan start", () => {
  it("serves, stops at a signal with nothing left behind, and finds everything again", async () => {
    const environment = await place()
    const first = await start(environment)
    assert.isFalse((await tried(first.output())).replayed)
    const children = Capstan.childrenOf(first.pid)
    assert.isAtLeast(children.length, 2)
    const postgres = Capstan.postmaster(environment.CAPSTAN_DIR)
    first.child.kill("SIGTERM")
    first.child.kill("SIGTERM")
    assert.strictEqual(await first.ended, 0, first.output())
    for (const pid of [...children.map(({ pid }) => pid), postgres]) assert.isFalse(Capstan.isAlive(pid))
    for (const name of ["secret", "demo"]) {
      const { mode } = fs.statSync(path.join(environment.CAPSTAN_DIR, name))
      assert.strictEqual(mode & 0o777, 0o600)
    }
    const second = await start(environment)
    assert.isTrue((await tried(second.output())).replayed)
    const [, token = ""] = fs.readFileSync(path.join(environment.CAPSTAN_DIR, "demo"), "utf8").split("\n")
    const methods = await fetch(`http://127.0.0.1:${environment.PORT}/v1/clients/ext:agency/payment-methods`, {
      headers: { authorization: `Bearer ${token}` }
    })
    assert.match(await methods.text(), /^\{"items":\[\{[^{}]*"isDefault":true,[^{}]*\}\],"nextCursor":null\}$/)
    second.child.kill("SIGINT")
    assert.strictEqual(await second.ended, 0)
  })

  it("finds everything again after kill -9 of all its processes", async () => {
    const environment = await place()
    const first = await start(environment)
    await tried(first.output())
    const children = Capstan.childrenOf(first.pid).map(({ pid }) => pid)
    for (const pid of [first.pid, ...children, Capstan.postmaster(environment.CAPSTAN_DIR)]) kill(pid)
    await first.ended
    const second = await start(environment)
    assert.isTrue((await tried(second.output())).replayed)
    second.child.kill("SIGTERM")
    assert.strictEqual(await second.ended, 0)
  })

  it("takes its children along when it is killed alone, and the next start the database that is left", async () => {
    const environment = await place()
    const first = await start(environment)
    await tried(first.output())
    const children = Capstan.childrenOf(first.pid).filter(({ what }) => what.includes("main.ts"))
    kill(first.pid)
    await Capstan.until("their end", () => children.every(({ pid }) => !Capstan.isAlive(pid)))
    const postgres = Capstan.postmaster(environment.CAPSTAN_DIR)
    assert.isTrue(Capstan.isAlive(postgres))
    const second = await start(environment)
    assert.strictEqual(Capstan.postmaster(environment.CAPSTAN_DIR), postgres)
    assert.isTrue((await tried(second.output())).replayed)
    second.child.kill("SIGTERM")
    assert.strictEqual(await second.ended, 0)
    assert.isFalse(Capstan.isAlive(postgres))
  })

  it("starts again what was killed: the api, and the database", async () => {
    const environment = await place()
    const run = await start(environment)
    kill(api(run.pid))
    await Capstan.whenSaid(run, "The API ended by SIGKILL: it is started again in 0.25 s.")
    const answers = () =>
      tried(run.output()).then(
        () => true,
        () => false
      )
    await Capstan.until("an answer", answers, run.output)
    kill(Capstan.postmaster(environment.CAPSTAN_DIR))
    await Capstan.whenSaid(run, "PostgreSQL has ended: starting it again.")
    await Capstan.until("an answer", answers, run.output)
    run.child.kill("SIGTERM")
    assert.strictEqual(await run.ended, 0, run.output())
  })

  it("is one to a folder, and shares the database with other commands", async () => {
    const environment = await place()
    const first = await start(environment)
    const second = Capstan.run(["start"], { ...environment, PORT: `${await Capstan.freePort()}` })
    assert.strictEqual(await second.ended, 1)
    assert.include(second.output(), `Capstan runs already on ${environment.CAPSTAN_DIR}`)
    const migrate = Capstan.run(["migrate"], environment)
    assert.strictEqual(await migrate.ended, 0, migrate.output())
    assert.include(migrate.output(), "The database is up to date.")
    const token = Capstan.run(["token", "create", "--organization", "Demo", "--scopes", "clients:read"], environment)
    assert.strictEqual(await token.ended, 0, token.output())
    const answer = await fetch(`http://127.0.0.1:${environment.PORT}/v1/clients`, {
      headers: { authorization: `Bearer ${token.output().trim()}` }
    })
    assert.strictEqual(answer.status, 200)
    assert.isFalse((await tried(first.output())).replayed)
    const doctor = Capstan.run(["doctor"], environment)
    assert.strictEqual(await doctor.ended, 0, doctor.output())
    assert.include(doctor.output(), "No difference.")
    first.child.kill("SIGTERM")
    assert.strictEqual(await first.ended, 0)
    const alone = Capstan.run(["doctor"], environment)
    assert.strictEqual(await alone.ended, 0, alone.output())
    assert.isFalse(fs.existsSync(path.join(environment.CAPSTAN_DIR, "postgres", "postmaster.pid")))
  })
})

it("serves on a PostgreSQL that is given, and leaves it running", async () => {
  const { url, drop } = await Database.clone()
  const environment = { ...(await place()), DATABASE_URL: url }
  const run = Capstan.run(["start"], environment)
  pids.add(run.child.pid ?? 0)
  await Capstan.whenSaid(run, "Ctrl-C stops it")
  assert.include(run.output(), "on the PostgreSQL of DATABASE_URL")
  assert.isFalse((await tried(run.output())).replayed)
  run.child.kill("SIGTERM")
  assert.strictEqual(await run.ended, 0, run.output())
  assert.isFalse(fs.existsSync(path.join(environment.CAPSTAN_DIR, "postgres")))
  const pool = Database.pool(url)
  const { rows } = await pool.query("select name from organization")
  assert.deepStrictEqual(rows, [{ name: "Demo" }])
  await pool.end()
  await drop()
})

describe("one sentence, and exit 1, for", () => {
  const refused = async (environment: Record<string, string>) => {
    const run = Capstan.run(["start"], { ...(await place()), ...environment })
    assert.strictEqual(await run.ended, 1, run.output())
    assert.strictEqual(run.output().trim().split("\n").length, 1, run.output())
    return run.output().trim()
  }

  it("a port that is taken", async () => {
    const taken = net.createServer()
    const port = await listening(taken)
    assert.strictEqual(
      await refused({ PORT: `${port}` }),
      `Port ${port} is taken: stop what listens there, or set PORT to another.`
    )
    taken.close()
  })

  it("a port that is none", async () => {
    assert.strictEqual(await refused({ PORT: "http" }), "PORT is http: set it to a number from 1 to 65535.")
  })

  it("a DATABASE_URL where nothing answers, and one that is no URL", async () => {
    const port = await Capstan.freePort()
    assert.match(
      await refused({ DATABASE_URL: `postgres://nobody:secret@127.0.0.1:${port}/none` }),
      new RegExp(
        `^The PostgreSQL at 127.0.0.1:${port} of DATABASE_URL does not answer \\(.*ECONNREFUSED.*\\): start it, .*one\\.$`
      )
    )
    assert.match(await refused({ DATABASE_URL: "localhost" }), /^DATABASE_URL is no postgres:\/\/ URL: .*\.$/)
  })

  it("a PostgreSQL that is too old", async () => {
    const old = net.createServer(pretendingToBe("140011"))
    const port = await listening(old)
    assert.match(
      await refused({ DATABASE_URL: `postgres://someone@127.0.0.1:${port}/some` }),
      /^The PostgreSQL of DATABASE_URL is 14\.11, and Capstan needs 15 or newer: .*\.$/
    )
    old.close()
  })

  it("a database that is half migrated, and one of a newer version", async () => {
    const { url, drop } = await Database.clone()
    const pool = Database.pool(url)
    await pool.query("insert into kysely_migration (name, timestamp) values ('9999_later', 'now')")
    assert.match(
      await refused({ DATABASE_URL: url }),
      /^The database was migrated by a newer Capstan \(9999_later\): .*\.$/
    )
    await pool.query("drop table kysely_migration")
    assert.match(await refused({ DATABASE_URL: url }), /^The database is half migrated: .*\.$/)
    await pool.end()
    await drop()
  })

  it("a secret that is too short, and a folder that cannot be written", async () => {
    assert.match(await refused({ CAPSTAN_SECRET: "short" }), /^CAPSTAN_SECRET is shorter than 32 characters: .*\.$/)
    const file = path.join(Capstan.folder(), "file")
    fs.writeFileSync(file, "")
    assert.match(await refused({ CAPSTAN_DIR: file }), /^Cannot write to .*\.$/)
  })
})

it("help names every command", () => {
  const main = new URL("../src/main.ts", import.meta.url).pathname
  const { stdout } = spawnSync(process.execPath, [main, "--help"], { encoding: "utf8" })
  for (const name of ["start", "migrate", "token", "doctor", "replay"]) assert.include(stdout, `  ${name} `)
})

const listening = async (server: net.Server): Promise<number> => {
  await once(server.listen(0, "127.0.0.1"), "listening")
  return (server.address() as net.AddressInfo).port
}

/** A server that lets anyone in and answers every question with its version. */
const pretendingToBe = (version: string) => (socket: net.Socket) => {
  const message = (type: string, ...parts: ReadonlyArray<Buffer>) => {
    const body = Buffer.concat(parts)
    const head = Buffer.alloc(5)
    head.write(type)
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const int16 = (n: number) => Buffer.from([n >> 8, n & 255])
  const int32 = (n: number) => Buffer.from([n >> 24, n >> 16, n >> 8, n])
  const ready = message("Z", Buffer.from("I"))
  const column = Buffer.concat([
    Buffer.from("server_version_num\0"),
    int32(0),
    int16(0),
    int32(25),
    int16(65_535),
    int32(-1),
    int16(0)
  ])
  let greeted = false
  socket.on("error", () => {})
  socket.on("data", (data) => {
    if (!greeted) {
      greeted = true
      socket.write(Buffer.concat([message("R", int32(0)), ready]))
      return
    }
    if (data.toString("latin1", 0, 1) !== "Q") return
    const row = message("D", int16(1), int32(version.length), Buffer.from(version))
    socket.write(Buffer.concat([message("T", int16(1), column), row, message("C", Buffer.from("SHOW\0")), ready]))
  })
}
