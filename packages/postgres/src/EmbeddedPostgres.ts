/**
 * A real PostgreSQL kept in a folder: `start` makes it, starts it, or finds it running.
 *
 * The server is a process of its own, on a free port of the loopback: it outlives whoever started it, Ctrl-C passes it by,
 * and it does not keep Node alive. `stop` ends it for all. Its log stands beside the folder, as `<dir>.log`.
 */
import fs from "node:fs"
import net from "node:net"
import path from "node:path"
import { setTimeout } from "node:timers/promises"
import pg from "pg"
import * as DataDirectory from "./DataDirectory.ts"
import * as Postmaster from "./Postmaster.ts"
import * as Program from "./Program.ts"

export interface Options {
  readonly dir: string
  readonly database: string
  /** Server settings by name; they hold for a server started here, not for one found running. */
  readonly settings?: Readonly<Record<string, number | string>>
}

export interface EmbeddedPostgres {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly stop: () => Promise<void>
}

export const start = async ({ database, settings = {}, ...options }: Options): Promise<EmbeddedPostgres> => {
  const dir = path.resolve(options.dir)
  await DataDirectory.ensure(dir)
  const password = DataDirectory.secret(dir)
  const urlOf = (port: number, name: string) =>
    `postgres://${DataDirectory.role}:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`
  const server = await serve(dir, settings, (port) => ask(urlOf(port, "postgres")))
  await createOnce(urlOf(server.port, "postgres"), database)
  return { ...server, url: urlOf(server.port, database), stop: () => stop(dir) }
}

const patience = 60_000
/** What is left of a killed server may hold its memory for half a second. */
const patienceAfterExit = 5_000

/** Starts the server until one answers. One that another process started first is found on the next round. */
const serve = async (
  dir: string,
  settings: Readonly<Record<string, number | string>>,
  answerAt: (port: number) => Promise<Answer>
): Promise<Postmaster.Postmaster> => {
  const log = `${dir}.log`
  const logged = fs.statSync(log, { throwIfNoEntry: false })?.size ?? 0
  let deadline = Date.now() + patience
  let child: Promise<void> | undefined
  while (true) {
    const server = Postmaster.find(dir)
    const said = server === undefined || server.port === 0 ? "nothing" : await answerAt(server.port)
    if (server !== undefined && said === "ready") return server
    if (said === "busy") deadline = Date.now() + patience
    if (said === "stranger")
      throw new Error(`The server of ${dir} does not take the password in it: bring back its capstan.secret.`)
    if (server === undefined && child === undefined) {
      Postmaster.takeOver(dir)
      child = launch(dir, log, await freePort(), settings).then(() => {
        child = undefined
        deadline = Math.min(deadline, Date.now() + patienceAfterExit)
      })
    }
    if (Date.now() > deadline)
      throw new Error(`PostgreSQL does not start in ${dir}: ${lastError(log, logged)} See ${log}.`)
    await setTimeout(25)
  }
}

/** Resolves when the server has ended. */
const launch = (
  dir: string,
  log: string,
  port: number,
  settings: Readonly<Record<string, number | string>>
): Promise<void> => {
  const all = { listen_addresses: "127.0.0.1", unix_socket_directories: "", ...settings }
  const options = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])
  const output = fs.openSync(log, "a")
  const child = Program.start("postgres", ["-D", dir, "-p", String(port), ...options], {
    detached: true,
    stdio: ["ignore", output, output]
  })
  child.unref()
  fs.closeSync(output)
  return new Promise((resolve) => {
    child.once("exit", () => resolve()).once("error", () => resolve())
  })
}

const lastError = (log: string, from: number): string => {
  const lines = fs.readFileSync(log).subarray(from).toString("utf8").split("\n")
  const fatal = lines.findLast((line) => line.includes("FATAL:"))
  return fatal?.replace(/^.*FATAL:\s*/, "").concat(".") ?? "it does not answer."
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

type Answer = "busy" | "nothing" | "ready" | "stranger"

/** What a server says to us. Starting, stopping and full are all busy. */
const ask = async (url: string): Promise<Answer> => {
  try {
    await connected(url, (client) => client.query("select"))
    return "ready"
  } catch (error) {
    const { code } = error as pg.DatabaseError
    return code === "57P03" || code === "53300" ? "busy" : code === "28P01" ? "stranger" : "nothing"
  }
}

const createOnce = (url: string, database: string): Promise<void> =>
  connected(url, async (client) => {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [database])
    if (rowCount !== 0) return
    try {
      await client.query(`create database ${client.escapeIdentifier(database)}`)
    } catch (error) {
      const { code = "" } = error as pg.DatabaseError
      if (!["42P04", "23505"].includes(code)) throw error
    }
  })

const connected = async <A>(url: string, work: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end()
  }
}

const stop = async (dir: string): Promise<void> => {
  const { stderr } = await Program.run("pg_ctl", ["stop", "-D", dir, "-m", "fast", "-w", "-t", "60"])
  if (Postmaster.find(dir) !== undefined) throw new Error(`PostgreSQL does not stop in ${dir}: ${stderr}`)
}
