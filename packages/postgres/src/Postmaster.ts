/**
 * The server process of a data directory, known by its postmaster.pid.
 *
 * The file survives a kill -9, and its pid may since belong to another process. Such a pid would keep PostgreSQL from
 * starting for ever, so the file is then handed to us: PostgreSQL ignores a pid that is its own parent's, and still
 * checks by the rest of the file that no process of the old server has its memory open.
 */
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"

export interface Postmaster {
  readonly pid: number
  /** 0 while the server has not yet chosen one. */
  readonly port: number
}

/** The live server of a data directory. */
export const find = (dir: string): Postmaster | undefined => {
  const lines = read(dir)
  const pid = Number(lines?.[0])
  if (!isAlive(pid) || !isServer(pid, dir)) return undefined
  return { pid, port: Number(lines?.[3] ?? 0) }
}

/** Takes over a postmaster.pid whose pid now belongs to a process that is not this server. */
export const takeOver = (dir: string): void => {
  const lines = read(dir)
  const pid = Number(lines?.[0])
  if (lines === undefined || pid === process.pid || !isAlive(pid) || isServer(pid, dir)) return
  const ours = path.join(dir, `postmaster.pid.${process.pid}`)
  fs.writeFileSync(ours, [process.pid, ...lines.slice(1)].join("\n"), { mode: 0o600 })
  if (read(dir)?.join("\n") === lines.join("\n")) fs.renameSync(ours, path.join(dir, "postmaster.pid"))
  else fs.rmSync(ours)
}

const read = (dir: string): ReadonlyArray<string> | undefined => {
  try {
    return fs.readFileSync(path.join(dir, "postmaster.pid"), "utf8").split("\n")
  } catch {
    return undefined
  }
}

const isAlive = (pid: number): boolean => {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

/** A server works in its data directory; where that cannot be seen, its name must do. */
const isServer = (pid: number, dir: string): boolean => {
  try {
    if (process.platform === "win32")
      return /^postgres/im.test(execFileSync("tasklist", ["/FI", `PID eq ${pid}`, "/NH"], { encoding: "utf8" }))
    if (process.platform !== "linux")
      return execFileSync("ps", ["-o", "comm=", "-p", String(pid)], { encoding: "utf8" })
        .trim()
        .endsWith("postgres")
    if (!/^[^\0]*postgres\0/.test(fs.readFileSync(`/proc/${pid}/cmdline`, "utf8"))) return false
  } catch {
    return false
  }
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(dir)
  } catch {
    return true
  }
}
