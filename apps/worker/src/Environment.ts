/** What the process is told by its environment; or one sentence that says what is wrong with it, and what to do. */
import { Result } from "effect"

export interface Environment {
  readonly databaseUrl: string
  /** Of the installation, as the API has it. */
  readonly secret: string
  readonly log: "json" | "text"
}

export const read = (
  { DATABASE_URL, CAPSTAN_SECRET, CAPSTAN_LOG }: Readonly<Record<string, string | undefined>>,
  terminal: boolean
): Result.Result<Environment, string> => {
  if (DATABASE_URL === undefined || !/^postgres(ql)?:\/\//.test(DATABASE_URL) || !URL.canParse(DATABASE_URL))
    return Result.fail(
      "DATABASE_URL is missing or no postgres:// URL: set it, or run `capstan start`, which brings a Postgres."
    )
  if (CAPSTAN_SECRET === undefined || CAPSTAN_SECRET.length < 32)
    return Result.fail(
      "CAPSTAN_SECRET is missing or shorter than 32 characters: set it to that of the API; what is sealed under it opens with no other."
    )
  if (CAPSTAN_LOG !== undefined && CAPSTAN_LOG !== "json" && CAPSTAN_LOG !== "text")
    return Result.fail(`CAPSTAN_LOG is ${CAPSTAN_LOG}: set it to json or text.`)
  return Result.succeed({
    databaseUrl: DATABASE_URL,
    secret: CAPSTAN_SECRET,
    log: CAPSTAN_LOG ?? (terminal ? "text" : "json")
  })
}
