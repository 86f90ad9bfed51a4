/** What the process is told by its environment; or one sentence that says what is wrong with it, and what to do. */
import { Result } from "effect"

export interface Environment {
  readonly databaseUrl: string
  readonly secret: string
  readonly host: string
  readonly port: number
  readonly connections: number
  /** Which sites may call from a browser. */
  readonly origins: ReadonlyArray<string>
  /** Where people reach the api from outside, for the links that they are sent. */
  readonly publicUrl: string | null
  readonly log: "json" | "text"
}

export const read = (
  variables: Readonly<Record<string, string | undefined>>,
  terminal: boolean
): Result.Result<Environment, string> => {
  const {
    DATABASE_URL,
    CAPSTAN_SECRET,
    HOST,
    PORT,
    CAPSTAN_DATABASE_CONNECTIONS,
    CAPSTAN_ORIGINS,
    CAPSTAN_PUBLIC_URL,
    CAPSTAN_LOG
  } = variables
  if (DATABASE_URL === undefined || !/^postgres(ql)?:\/\//.test(DATABASE_URL) || !URL.canParse(DATABASE_URL))
    return Result.fail(
      "DATABASE_URL is missing or no postgres:// URL: set it, or run `capstan start`, which brings a Postgres."
    )
  if (CAPSTAN_SECRET === undefined || CAPSTAN_SECRET.length < 32)
    return Result.fail(
      "CAPSTAN_SECRET is missing or shorter than 32 characters: set it to a long random text, and keep it; tokens are worthless without it."
    )
  const port = integer(PORT, 4400, 0, 65_535)
  if (port === null) return Result.fail(`PORT is ${PORT}: set it to a number from 0 to 65535.`)
  const connections = integer(CAPSTAN_DATABASE_CONNECTIONS, 10, 2, 1_000)
  if (connections === null)
    return Result.fail(
      `CAPSTAN_DATABASE_CONNECTIONS is ${CAPSTAN_DATABASE_CONNECTIONS}: set it to a number from 2 to 1000.`
    )
  const origins = (CAPSTAN_ORIGINS ?? "").split(",").flatMap((text) => (text.trim() === "" ? [] : [text.trim()]))
  const wrong = origins.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin)
  if (wrong !== undefined)
    return Result.fail(
      `CAPSTAN_ORIGINS has ${wrong}: list origins such as https://app.example.com, with commas between.`
    )
  const publicUrl = CAPSTAN_PUBLIC_URL === undefined || CAPSTAN_PUBLIC_URL === "" ? null : CAPSTAN_PUBLIC_URL
  if (publicUrl !== null && (!/^https?:\/\//.test(publicUrl) || !URL.canParse(publicUrl)))
    return Result.fail(`CAPSTAN_PUBLIC_URL is ${publicUrl}: set it to a URL such as https://billing.example.com.`)
  if (CAPSTAN_LOG !== undefined && CAPSTAN_LOG !== "json" && CAPSTAN_LOG !== "text")
    return Result.fail(`CAPSTAN_LOG is ${CAPSTAN_LOG}: set it to json or text.`)
  return Result.succeed({
    databaseUrl: DATABASE_URL,
    secret: CAPSTAN_SECRET,
    host: HOST ?? "127.0.0.1",
    port,
    connections,
    origins,
    publicUrl: publicUrl?.replace(/\/+$/, "") ?? null,
    log: CAPSTAN_LOG ?? (terminal ? "text" : "json")
  })
}

const integer = (text: string | undefined, absent: number, least: number, most: number): number | null => {
  if (text === undefined || text === "") return absent
  const value = /^\d{1,6}$/.test(text) ? Number(text) : -1
  return value >= least && value <= most ? value : null
}
