/**
 * Sends mail by an SMTP server: over a few connections that are kept, encrypted wherever a password is told.
 *
 * A recipient that the server refuses is refused for good; everything else may go better later.
 */
import type { Mailer } from "@capstan/billing"
import nodemailer from "nodemailer"
import * as Message from "./Message.ts"

const timeouts = { dnsTimeout: 3_000, connectionTimeout: 5_000, greetingTimeout: 5_000, socketTimeout: 10_000 }

/** `smtp://` begins in the clear and is encrypted where the server can; `smtps://` is encrypted from the first byte. */
export const open = (url: string, sender: string): Message.Transport => {
  const { protocol, hostname, port, username, password } = new URL(url)
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: 2,
    // Jobs are tried again, and by nobody else.
    maxRequeues: 0,
    host: hostname.replace(/^\[|\]$/g, ""),
    secure: protocol === "smtps:",
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === ""
      ? {}
      : {
          auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
          requireTLS: protocol === "smtp:" && !isHere(hostname)
        }),
    ...timeouts
  })
  return {
    send: Message.sending(sender, (message) => transport.sendMail(message), notSent),
    close: () => transport.close()
  }
}

const isHere = (host: string): boolean => host === "localhost" || host === "[::1]" || host.startsWith("127.")

/** Said of this mail, and not of us. */
const ofMail: ReadonlyArray<unknown> = ["EENVELOPE", "EMESSAGE"]

const notSent = (error: unknown): Mailer.NotSent => {
  const { code, responseCode, message } = error as {
    readonly code?: string
    readonly responseCode?: number
    readonly message: string
  }
  const isFinal = ofMail.includes(code) && (responseCode === undefined || responseCode >= 500)
  return { _tag: "NotSent", why: isFinal ? "refused" : "unreachable", message }
}
