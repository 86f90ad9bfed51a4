/** What the process is told by its environment; or one sentence that says what is wrong with it, and what to do. */
import { Result } from "effect"

export interface Environment {
  readonly databaseUrl: string
  readonly log: "json" | "text"
}

export const read = (
  { DATABASE_URL, CAPSTAN_LOG }: Readonly<Record<string, string | undefined>>,
  terminal: boolean
): Result.Result<Environment, string> => {
  if (DATABASE_URL === undefined || !/^postgres(ql)?:\/\//.test(DATABASE_URL) || !URL.canParse(DATABASE_URL))
    return Result.fail(
      "DATABASE_URL is missing or no postgres:// URL: set it, or run `capstan start`, which brings a Postgres."
    )
  if (CAPSTAN_LOG !== undefined && CAPSTAN_LOG !== "json" && CAPSTAN_LOG !== "text")
    return Result.fail(`CAPSTAN_LOG is ${CAPSTAN_LOG}: set it to json or text.`)
  return Result.succeed({ databaseUrl: DATABASE_URL, log: CAPSTAN_LOG ?? (terminal ? "text" : "json") })
}
