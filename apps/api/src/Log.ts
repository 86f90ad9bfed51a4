/** One line a request: JSON for machines, columns for people. Never a body, never the secret of a token. */
import { pino, type DestinationStream, type Logger } from "pino"

/** What is known of a request when it is answered. */
interface Line {
  readonly requestId: string
  readonly organization: string | null
  readonly token: string | null
  readonly procedure: string
  /** `ok`, or the code of the problem. */
  readonly code: string
  readonly status: number
  readonly ms: number
}

export interface Log {
  readonly request: (line: Line) => void
  /** What should not have happened, in full. */
  readonly defect: (requestId: string, procedure: string, cause: unknown) => void
  readonly say: (message: string) => void
  /** Writes what is left, unless nobody takes it. */
  readonly close: () => Promise<void>
}

export const silent: Log = { request: () => {}, defect: () => {}, say: () => {}, close: async () => {} }

export const open = (format: "json" | "text"): Log => {
  if (format === "text") return of(pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, forPeople))
  // Lines leave together, at the latest after a tenth of a second.
  const file = pino.destination({ fd: 1, sync: false, minLength: 8_192, periodicFlush: 100 })
  return of(pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, file), () => flush(file))
}

const patienceMs = 1_000

/** Asynchronously: a pipe that is full or broken would hold a synchronous write for ever, here and at the exit. */
const flush = async (file: ReturnType<typeof pino.destination>): Promise<void> => {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, patienceMs)
    file.flush(() => {
      clearTimeout(timer)
      resolve()
    })
  })
  file.destroy()
}

const of = (logger: Logger, close: () => Promise<void> = async () => {}): Log => ({
  request: (line) => (line.status < 500 ? logger.info(line) : logger.error(line)),
  defect: (requestId, procedure, cause) => logger.error({ requestId, procedure, err: cause }, "defect"),
  say: (message) => logger.info(message),
  close
})

const forPeople: DestinationStream = { write: (text) => process.stdout.write(`${columns(text)}\n`) }

const columns = (text: string): string => {
  const { time, msg, requestId, procedure, organization, token, code, status, ms, err } = JSON.parse(text)
  const clock = `${time}`.slice(11, 23)
  if (status === undefined)
    return [clock, msg, procedure, requestId && `request ${requestId}`, err?.stack ?? err?.message]
      .filter(Boolean)
      .join("  ")
  const who = organization ? `  organization ${organization}  token ${token}` : ""
  return `${clock}  ${status}  ${procedure} ${code}  ${ms} ms${who}  request ${requestId}`
}
