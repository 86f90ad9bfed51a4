/** What the worker does, a line each: JSON for machines, text for people. */
import { pino, type Logger } from "pino"

type Fields = Readonly<Record<string, unknown>>

export interface Log {
  readonly say: (message: string, fields?: Fields) => void
  readonly warn: (message: string, fields?: Fields) => void
  /** What should not have happened, in full. */
  readonly fault: (message: string, cause: unknown) => void
}

export const open = (format: "json" | "text"): Log => {
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (format === "text") return of(pino(options, { write: (line) => process.stdout.write(`${textOf(line)}\n`) }))
  return of(pino(options, pino.destination({ fd: 1, sync: true })))
}

const of = (logger: Logger): Log => ({
  say: (message, fields = {}) => logger.info(fields, message),
  warn: (message, fields = {}) => logger.warn(fields, message),
  fault: (message, cause) => logger.error({ err: cause }, message)
})

const textOf = (line: string): string => {
  const { level: _, time, msg, err, ...fields } = JSON.parse(line)
  const rest = Object.entries(fields).map(([name, value]) => `${name} ${textOfValue(value)}`)
  return [`${time}`.slice(11, 23), msg, ...rest, err?.stack ?? (err && JSON.stringify(err))].filter(Boolean).join("  ")
}

const textOfValue = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))
