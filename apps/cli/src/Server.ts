/**
 * The PostgreSQL of an installation: the one at DATABASE_URL, or the embedded one, found running or started.
 *
 * Whoever uses the embedded one holds a lock on it that ends with its process, however that ends; the last to leave stops
 * the server. `capstan start` holds a second lock, so that there is one of it to a folder.
 */
import { setTimeout } from "node:timers/promises"
import { EmbeddedPostgres } from "@capstan/postgres"
import { Database } from "@capstan/store"
import type { Home } from "./Home.ts"
import { messageOf, Trouble } from "./Trouble.ts"

export interface Server {
  readonly url: string
  readonly embedded: boolean
  /** Resolves where the connection to it ends without our doing. */
  readonly lost: Promise<void>
  /** False where another process holds it. */
  readonly claim: () => Promise<boolean>
  readonly close: () => Promise<void>
}

/** Of PostgreSQL; `server_version_num` of the first that will do. */
const oldest = 150_000

const inUse = 7_226_001
const started = 7_226_002

export const open = async (home: Home, environment: NodeJS.ProcessEnv): Promise<Server> => {
  const given = environment["DATABASE_URL"]
  return given === undefined || given === "" ? openEmbedded(home) : openGiven(given)
}

const openGiven = async (url: string): Promise<Server> => {
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    throw new Trouble("DATABASE_URL is no postgres:// URL: mend it, or unset it to use the embedded PostgreSQL.")
  const session = await connect(url).catch((error: unknown) => {
    throw new Trouble(
      `The PostgreSQL at ${new URL(url).host} of DATABASE_URL does not answer (${messageOf(error)}): start it, mend DATABASE_URL, or unset it to use the embedded one.`
    )
  })
  try {
    const refused = tooOld(await session.version())
    if (refused !== undefined) throw new Trouble(refused)
  } catch (error) {
    await session.end()
    throw error
  }
  return { url, embedded: false, lost: session.lost, claim: () => Promise.resolve(true), close: session.end }
}

const openEmbedded = async ({ data }: Home): Promise<Server> => {
  for (let tries = 1; ; tries++) {
    const server = await EmbeddedPostgres.start({ dir: data, database: "capstan" }).catch((error: unknown) => {
      throw new Trouble(messageOf(error))
    })
    const session = await connect(server.url).catch(() => undefined)
    // Whoever was the last may be stopping it at this moment.
    const entered = await session?.ask(`select pg_try_advisory_lock_shared(${inUse})`).catch(() => false)
    if (session !== undefined && entered === true) return embedded(server, session)
    await session?.end()
    if (tries === 20) throw new Trouble(`The PostgreSQL in ${data} starts and stops: see ${data}.log.`)
    await setTimeout(250)
  }
}

const embedded = (server: EmbeddedPostgres.EmbeddedPostgres, session: Session): Server => ({
  url: server.url,
  embedded: true,
  lost: session.lost,
  claim: () => session.ask(`select pg_try_advisory_lock(${started})`),
  close: async () => {
    session.expectEnd()
    const last = await session
      .ask(`select pg_advisory_unlock_shared(${inUse})`)
      .then(() => session.ask(`select pg_try_advisory_lock(${inUse})`))
      .catch(() => false)
    if (last) await server.stop()
    await session.end()
  }
})

const tooOld = (version: number): string | undefined =>
  version >= oldest
    ? undefined
    : `The PostgreSQL of DATABASE_URL is ${versionText(version)}, and Capstan needs 15 or newer: upgrade it, or unset DATABASE_URL to use the embedded one.`

/** Before 10 a version had two leading numbers. */
const versionText = (version: number): string =>
  version >= 100_000
    ? `${Math.floor(version / 10_000)}.${version % 10_000}`
    : `${Math.floor(version / 10_000)}.${Math.floor(version / 100) % 100}`

interface Session {
  readonly version: () => Promise<number>
  /** The one boolean that a statement answers with. */
  readonly ask: (text: string) => Promise<boolean>
  readonly lost: Promise<void>
  /** From now on its end is no loss. */
  readonly expectEnd: () => void
  readonly end: () => Promise<void>
}

const connect = async (url: string): Promise<Session> => {
  const { pool } = Database.connect(url, { max: 1, name: "capstan cli" })
  try {
    const client = await pool.connect()
    let expected = false
    let ended: Promise<void> | undefined
    const lost = new Promise<void>((resolve) => {
      client.on("error", () => {}).on("end", () => !expected && resolve())
    })
    return {
      version: async () => Number((await client.query("show server_version_num")).rows[0]?.server_version_num),
      ask: async (text) => Object.values((await client.query<Record<string, unknown>>(text)).rows[0] ?? {})[0] === true,
      lost,
      expectEnd: () => {
        expected = true
      },
      end: () => {
        expected = true
        if (ended === undefined) client.release(true)
        return (ended ??= pool.end())
      }
    }
  } catch (error) {
    await pool.end()
    throw error
  }
}
