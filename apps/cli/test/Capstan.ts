/** The command line as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import net from "node:net"
import os from "node:os"
import path from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

export interface Run {
  readonly child: ChildProcess
  readonly output: () => string
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>
}

export const run = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>>): Run => {
  const { DATABASE_URL: _, CAPSTAN_SECRET: __, PORT: ___, HOST: ____, ...inherited } = process.env
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...inherited, ...environment },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text))
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  return { child, output: () => output, ended }
}

/** Until it is so; what it said where it never is. */
export const until = async (what: string, holds: () => Promise<boolean> | boolean, said = () => ""): Promise<void> => {
  const deadline = Date.now() + 40_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come about: ${said()}`)
    await setTimeout(50)
  }
}

export const whenSaid = ({ output }: Run, text: string): Promise<void> =>
  until(`"${text}"`, () => output().includes(text), output)

export const folder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), "capstan-cli-"))

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A process that has ended but was not waited for is not alive.
    return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

/** The processes that it has started. */
export const childrenOf = (pid: number): ReadonlyArray<{ readonly pid: number; readonly what: string }> =>
  fs.readdirSync("/proc").flatMap((entry) => {
    try {
      if (!/^\d+$/.test(entry)) return []
      const [, parent] = /\) \S (\d+)/.exec(fs.readFileSync(`/proc/${entry}/stat`, "utf8")) ?? []
      return Number(parent) === pid
        ? [{ pid: Number(entry), what: fs.readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ") }]
        : []
    } catch {
      return []
    }
  })

/** Of the embedded database in a folder. */
export const postmaster = (dir: string): number =>
  Number(fs.readFileSync(path.join(dir, "postgres", "postmaster.pid"), "utf8").split("\n")[0])
