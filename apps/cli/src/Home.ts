/**
 * The folder of an installation, `.capstan` unless CAPSTAN_DIR says another: the embedded database, the secret that tokens
 * are kept under, and the token of the demo. What is secret in it only its owner can read.
 */
import { randomBytes } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { messageOf, Trouble } from "./Trouble.ts"

export interface Home {
  readonly dir: string
  /** Of the embedded database. */
  readonly data: string
}

export const at = (environment: NodeJS.ProcessEnv): Home => {
  const dir = path.resolve(environment["CAPSTAN_DIR"] || ".capstan")
  return { dir, data: path.join(dir, "postgres") }
}

/** The secret of the installation: CAPSTAN_SECRET, or one that is made once and kept. */
export const secret = ({ dir }: Home, environment: NodeJS.ProcessEnv): string => {
  const given = environment["CAPSTAN_SECRET"]
  if (given !== undefined && given !== "") {
    if (given.length >= 32) return given
    throw new Trouble("CAPSTAN_SECRET is shorter than 32 characters: set it to a long random text, and keep it.")
  }
  const file = path.join(dir, "secret")
  const made = read(file) ?? write(file, randomBytes(32).toString("base64url"))
  if (made.length >= 32) return made
  throw new Trouble(`${file} holds no secret of 32 characters: bring it back from a copy, or set CAPSTAN_SECRET.`)
}

export interface Demo {
  readonly organization: string
  readonly token: string
}

export const demo = ({ dir }: Home): Demo | undefined => {
  const text = read(path.join(dir, "demo"))
  const [organization = "", token = ""] = text?.split("\n") ?? []
  return token === "" ? undefined : { organization, token }
}

export const keepDemo = ({ dir }: Home, { organization, token }: Demo): void => {
  const file = path.join(dir, "demo")
  fs.rmSync(file, { force: true })
  write(file, `${organization}\n${token}\n`)
}

const read = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8").trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw new Trouble(`Cannot read ${file} (${messageOf(error)}): start as its owner, or choose another CAPSTAN_DIR.`)
  }
}

/** Whole or not at all; of two that write at once, both read what the first wrote. */
const write = (file: string, text: string): string => {
  const draft = `${file}.${process.pid}`
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(draft, text, { mode: 0o600, flush: true })
    fs.linkSync(draft, file)
    return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return fs.readFileSync(file, "utf8").trim()
    throw new Trouble(`Cannot write ${file} (${messageOf(error)}): make it writable, or choose another CAPSTAN_DIR.`)
  } finally {
    fs.rmSync(draft, { force: true })
  }
}
