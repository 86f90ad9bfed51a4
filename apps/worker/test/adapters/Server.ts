/** A mail server, as real as one: what it has taken, and whom it refuses. */
import { SMTPServer, type SMTPServerOptions } from "smtp-server"

interface Taken {
  readonly from: string
  readonly to: ReadonlyArray<string>
  readonly head: ReadonlyArray<string>
  readonly whole: string
}

export interface Server {
  readonly port: number
  readonly taken: ReadonlyArray<Taken>
  readonly close: () => Promise<void>
}

export const refused = "nobody@example.com"
export const later = "later@example.com"

/** Headers of one line each. */
const headOf = (whole: string): ReadonlyArray<string> =>
  (whole.split("\r\n\r\n")[0] ?? "").replaceAll(/\r\n[ \t]+/g, " ").split("\r\n")

export const open = async (port = 0, options: SMTPServerOptions = {}): Promise<Server> => {
  const taken: Array<Taken> = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    closeTimeout: 100,
    onRcptTo: ({ address }, _, done) => {
      if (address === refused) return done(Object.assign(new Error("No such mailbox"), { responseCode: 550 }))
      if (address === later) return done(Object.assign(new Error("Come again"), { responseCode: 451 }))
      return done()
    },
    onData: (stream, { envelope }, done) => {
      const chunks: Array<Buffer> = []
      stream.on("data", (chunk: Buffer) => chunks.push(chunk))
      stream.on("end", () => {
        const whole = Buffer.concat(chunks).toString("utf8")
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address
        taken.push({ from, to: envelope.rcptTo.map(({ address }) => address), head: headOf(whole), whole })
        done()
      })
    },
    ...options
  })
  server.on("error", () => {})
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  const address = server.server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    taken,
    close: () => new Promise((resolve) => server.close(() => resolve()))
  }
}
