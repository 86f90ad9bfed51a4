/**
 * The API and the worker as child processes. One that ends is started again, later each time; one that keeps ending ends
 * all. Each is in a process group of its own, and stops when its parent is gone.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { styleText } from "node:util"

const programs = {
  API: fileURLToPath(new URL("../../../api/src/main.ts", import.meta.url)),
  worker: fileURLToPath(new URL("../../../worker/src/main.ts", import.meta.url))
}
type Name = keyof typeof programs

const leash = new URL("./leash.ts", import.meta.url).href

/** How often in a row one may end, each time within `steadyMs` of its start. */
const mostEnds = 5
const steadyMs = 30_000
const patienceMs = 20_000

export class Children {
  readonly #say: (sentence: string) => void
  readonly #running = new Map<Name, ChildProcess>()
  readonly #ends = new Map<Name, number>()
  readonly #spent = Promise.withResolvers<"spent">()
  #environment: Readonly<Record<string, string>>
  #stopping: AbortController | undefined

  constructor(say: (sentence: string) => void, environment: Readonly<Record<string, string>>) {
    this.#say = say
    this.#environment = environment
  }

  /** Resolves when one keeps ending. */
  get spent(): Promise<"spent"> {
    return this.#spent.promise
  }

  start(environment = this.#environment): void {
    this.#environment = environment
    this.#stopping = undefined
    for (const name of ["API", "worker"] as const) this.#launch(name)
  }

  /** Tells them to finish, and waits until they have. */
  async stop(): Promise<void> {
    this.#stopping ??= new AbortController()
    this.#stopping.abort()
    await Promise.all([...this.#running].map(([name, child]) => this.#end(name, child)))
  }

  #launch(name: Name): void {
    const stopping = (this.#stopping ??= new AbortController())
    const began = performance.now()
    const child = spawn(process.execPath, ["--import", leash, programs[name]], {
      detached: true,
      stdio: ["pipe", process.stdout.isTTY ? "pipe" : "inherit", process.stderr.isTTY ? "pipe" : "inherit"],
      env: { CAPSTAN_LOG: process.stdout.isTTY ? "text" : "json", ...process.env, ...this.#environment }
    })
    this.#running.set(name, child)
    // The pipe that is its leash is never written to.
    child.stdin?.on("error", () => {})
    if (child.stdout !== null) forward(name, child.stdout, process.stdout)
    if (child.stderr !== null) forward(name, child.stderr, process.stderr)
    child.once("error", (error) => this.#say(`The ${name} could not be started: ${error.message}`))
    child.once("close", (code, signal) => {
      this.#running.delete(name)
      if (stopping.signal.aborted) return
      const ends = performance.now() - began > steadyMs ? 1 : (this.#ends.get(name) ?? 0) + 1
      this.#ends.set(name, ends)
      const how = signal === null ? `with code ${code}` : `by ${signal}`
      if (ends >= mostEnds) {
        this.#say(
          `The ${name} has ended ${ends} times in a row, now ${how}: Capstan stops. What it said last is above.`
        )
        this.#spent.resolve("spent")
        return
      }
      const waitMs = 250 * 2 ** (ends - 1)
      this.#say(`The ${name} ended ${how}: it is started again in ${waitMs / 1_000} s.`)
      void setTimeout(waitMs, undefined, { signal: stopping.signal }).then(
        () => this.#launch(name),
        () => {}
      )
    })
  }

  async #end(name: Name, child: ChildProcess): Promise<void> {
    const closed = new Promise<"closed">((resolve) => child.once("close", () => resolve("closed")))
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGTERM")
    const cut = new AbortController()
    const late = setTimeout(patienceMs, "late" as const, { signal: cut.signal }).catch(() => "closed" as const)
    if ((await Promise.race([closed, late])) === "late") {
      this.#say(`The ${name} did not finish within ${patienceMs / 1_000} s and is ended.`)
      child.kill("SIGKILL")
    }
    cut.abort()
    await closed
  }
}

const colors = { API: "cyan", worker: "magenta" } as const

/** In a terminal each line says whose it is; elsewhere they write for themselves. */
const forward = (name: Name, from: NodeJS.ReadableStream, to: NodeJS.WriteStream): void => {
  const prefix = styleText(colors[name], name.padEnd(7), { stream: to })
  createInterface({ input: from, crlfDelay: Number.POSITIVE_INFINITY }).on("line", (line) =>
    to.write(`${prefix}${line}\n`)
  )
}
