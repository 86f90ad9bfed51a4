/**
 * The data directory: made in a temporary folder beside it and renamed into place, so it is whole or not there, and of
 * several first starts one wins. The password of its only role lies in it, readable by its owner only.
 */
import crypto from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import * as Program from "./Program.ts"

export const role = "capstan"

export const ensure = async (dir: string): Promise<void> => {
  if (!exists(dir)) await create(dir)
  const version = fs.readFileSync(path.join(dir, "PG_VERSION"), "utf8").trim()
  if (version === Program.major) return
  throw new Error(
    `${dir} was written by PostgreSQL ${version} and this is ${Program.major}: move it away, or serve it by its own version and set DATABASE_URL.`
  )
}

export const secret = (dir: string): string => {
  try {
    return fs.readFileSync(path.join(dir, "capstan.secret"), "utf8")
  } catch (error) {
    throw new Error(
      `Cannot read the password in ${path.join(dir, "capstan.secret")}: start as its owner, or bring the file back.`,
      { cause: error }
    )
  }
}

const exists = (dir: string): boolean => fs.existsSync(path.join(dir, "PG_VERSION"))

const create = async (dir: string): Promise<void> => {
  const draft = openDraft(dir)
  try {
    const password = path.join(draft, "password")
    fs.writeFileSync(password, crypto.randomBytes(24).toString("base64url"), { mode: 0o600 })
    const data = path.join(draft, "data")
    const options = ["-U", role, `--pwfile=${password}`, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]
    const { code, stderr } = await Program.run("initdb", ["-D", data, ...options])
    if (code !== 0)
      throw new Error(`initdb could not make ${dir} (${stderr.split("\n").at(-1)}): see to that, or set DATABASE_URL.`)
    fs.renameSync(password, path.join(data, "capstan.secret"))
    install(data, dir)
  } finally {
    fs.rmSync(draft, { recursive: true, force: true })
  }
}

const openDraft = (dir: string): string => {
  try {
    fs.mkdirSync(path.dirname(dir), { recursive: true })
    return fs.mkdtempSync(`${dir}.draft-`)
  } catch (error) {
    throw new Error(`Cannot write to ${path.dirname(dir)}: make it writable, or choose another folder.`, {
      cause: error
    })
  }
}

const install = (data: string, dir: string): void => {
  try {
    fs.renameSync(data, dir)
  } catch (error) {
    if (exists(dir)) return
    throw new Error(`${dir} is in the way and holds no database: remove it, or choose another folder.`, {
      cause: error
    })
  }
}
