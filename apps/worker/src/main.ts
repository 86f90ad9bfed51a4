/** The worker as a process: reads its environment, checks its database, works until it is told to stop. */
import { Migrations } from "@capstan/store"
import { Result } from "effect"
import * as Environment from "./Environment.ts"
import * as Log from "./Log.ts"
import * as Worker from "./worker.ts"

/** What is under way has so long to come to its end. */
const patienceMs = 15_000

const fail = (sentence: string): never => {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}

const environment = Result.getOrElse(Environment.read(process.env, process.stdout.isTTY), fail)
const { databaseUrl, secret, post, log: format } = environment
const { host } = new URL(databaseUrl)
const unreachable = (error: Error): never =>
  fail(`The database at ${host} cannot be reached (${error.message}): start it, or mend DATABASE_URL.`)

const status = await Migrations.status(databaseUrl).catch(unreachable)
if (status._tag !== "UpToDate") fail(Migrations.explain(status))

const log = Log.open(format)
const worker = await Worker.start(databaseUrl, { secret, post, log }).catch((error: Error) =>
  fail(`The worker could not start: ${error.message}`)
)
log.say(`The worker works on ${host}.`)

let stopping = false
const stop = (): void => {
  if (stopping) return
  stopping = true
  log.say("Stopping: what is under way is finished first.")
  setTimeout(() => process.exit(1), patienceMs).unref()
  worker.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      log.fault("The worker did not stop as it should.", error)
      process.exit(1)
    }
  )
}
process.on("SIGINT", stop).on("SIGTERM", stop)
