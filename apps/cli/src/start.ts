/**
 * `capstan start`: the database, the API and the worker, until it is told to stop.
 *
 * The API and the worker are processes of their own groups, so that Ctrl-C reaches only this one, which lets them finish
 * and stops the database last.
 */
import fs from "node:fs"
import * as Home from "./Home.ts"
import { upToDate } from "./migrate.ts"
import * as Server from "./Server.ts"
import * as banner from "./start/banner.ts"
import { Children } from "./start/Children.ts"
import * as Demo from "./start/Demo.ts"
import * as Port from "./start/Port.ts"
import { messageOf, Trouble } from "./Trouble.ts"

const say = (sentence: string): void => {
  process.stdout.write(`${sentence}\n`)
}

export const start = async (): Promise<number> => {
  // A terminal that is gone is no reason to stop halfway.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  const stopping = stopped()
  const home = Home.at(process.env)
  const { host, port } = Port.read(process.env)
  await Port.assertFree(host, port)
  makeFolder(home)
  const server = await Server.open(home, process.env)
  let code: number
  try {
    await claim(server, home)
    await upToDate(server.url)
    const secret = Home.secret(home, process.env)
    const demo = await Demo.ready(home, server.url, secret)
    code = await serve({ home, server, host, port, secret, demo, stopping })
  } finally {
    await server.close().catch((error: unknown) => say(`PostgreSQL did not stop (${messageOf(error)}).`))
  }
  say("Stopped.")
  return code
}

const claim = async (server: Server.Server, { dir }: Home.Home): Promise<void> => {
  if (await server.claim()) return
  throw new Trouble(`Capstan runs already on ${dir}: stop that one, or set CAPSTAN_DIR and PORT to others.`)
}

interface Serving {
  readonly home: Home.Home
  readonly server: Server.Server
  readonly host: string
  readonly port: number
  readonly secret: string
  readonly demo: Home.Demo | undefined
  readonly stopping: Promise<"stopped">
}

const serve = async ({ home, server, host, port, secret, demo, stopping }: Serving): Promise<number> => {
  const url = Port.urlOf(host, port)
  const environment = {
    HOST: host,
    PORT: `${port}`,
    CAPSTAN_SECRET: secret,
    CAPSTAN_DIR: home.dir,
    CAPSTAN_PUBLIC_URL: process.env["CAPSTAN_PUBLIC_URL"] || url
  }
  const children = new Children(say, { ...environment, DATABASE_URL: server.url })
  let present = server
  try {
    children.start()
    const waiting = new AbortController()
    const begun = await Promise.race([stopping, children.spent, banner.whenReady(url, say, waiting.signal)])
    waiting.abort()
    if (begun === "ready") say(banner.text(url, home, server.embedded ? "embedded" : "given", demo))
    let end = begun === "ready" ? await Promise.race([stopping, children.spent, lost(present)]) : begun
    while (end === "lost") {
      say("PostgreSQL has ended: starting it again.")
      await children.stop()
      await present.close()
      present = await Server.open(home, process.env)
      await claim(present, home)
      children.start({ ...environment, DATABASE_URL: present.url })
      end = await Promise.race([stopping, children.spent, lost(present)])
    }
    if (end === "stopped") say("Stopping: what has begun is finished first.")
    return end === "stopped" ? 0 : 1
  } finally {
    await children.stop()
    if (present !== server) await present.close()
  }
}

/** Of a database that is not ours, the API and the worker find it again by themselves. */
const lost = (server: Server.Server): Promise<"lost"> =>
  server.embedded ? server.lost.then(() => "lost" as const) : new Promise(() => {})

/** Resolves with the first signal; those that follow change nothing. */
const stopped = (): Promise<"stopped"> =>
  new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve("stopped"))
  })

const makeFolder = ({ dir }: Home.Home): void => {
  try {
    fs.mkdirSync(dir, { recursive: true })
    fs.accessSync(dir, fs.constants.W_OK)
  } catch (error) {
    throw new Trouble(`Cannot write to ${dir} (${messageOf(error)}): make it writable, or set CAPSTAN_DIR to another.`)
  }
}
