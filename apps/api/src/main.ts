/** The api as a process: reads its environment, checks its database, serves until it is told to stop. */
import "effect/schema/SchemaJITCompiler/enable"
import { Database, Migrations } from "@capstan/store"
import { Result } from "effect"
import * as Environment from "./Environment.ts"
import * as Log from "./Log.ts"
import * as Readiness from "./Readiness.ts"
import { serve } from "./server.ts"

/** Longer than requests that are under way are waited for. */
const patienceMs = 20_000

const fail = (sentence: string): never => {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}

const environment = Result.getOrElse(Environment.read(process.env, process.stdout.isTTY), fail)
const { databaseUrl, secret, connections, origins, publicUrl, host, port } = environment

const { host: database } = new URL(databaseUrl)
const status = await Migrations.status(databaseUrl).catch((error: Error) =>
  fail(`The database at ${database} cannot be reached (${error.message}): start it, or mend DATABASE_URL.`)
)
if (status._tag !== "UpToDate") fail(Migrations.explain(status))
const connection = Database.connect(databaseUrl, { max: 1 })
const ready = await Readiness.ask(databaseUrl, connection.pool)
await connection.close()
if ("reason" in ready && ready.reason === "durability_off")
  fail(`The database at ${database} runs with fsync = off and could lose what it acknowledged: switch fsync on.`)

const log = Log.open(environment.log)
const serving = await serve({ databaseUrl, secret, connections, origins, publicUrl, host, port, log }).catch(
  (error: NodeJS.ErrnoException) =>
    fail(
      error.code === "EADDRINUSE"
        ? `Port ${port} is taken: stop what listens there, or set PORT to another.`
        : error.code === "EACCES"
          ? `Port ${port} may not be used by this user: set PORT to one above 1023.`
          : error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND"
            ? `HOST is ${host}, which is no address of this machine: set it to one, such as 127.0.0.1.`
            : `The API could not start: ${error.message}`
    )
)
log.say(`The API listens on ${serving.url}`)

let stopping = false
const stop = (): void => {
  if (stopping) return
  stopping = true
  log.say("Stopping: no more requests are accepted.")
  // Not by an exit, which would write what is left of the log to whoever may not read it.
  setTimeout(() => process.kill(process.pid, "SIGKILL"), patienceMs).unref()
  serving.close().then(
    () => process.exit(0),
    (error: unknown) => fail(`The API did not stop as it should: ${String(error)}`)
  )
}
process.on("SIGINT", stop).on("SIGTERM", stop)
