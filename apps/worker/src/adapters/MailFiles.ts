/** Keeps mail as files, `<message id>.eml`, for whoever has no mail server: any mail program opens them. */
import { randomUUID } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import nodemailer, { type SendMailOptions } from "nodemailer"
import * as Message from "./Message.ts"

export const open = (dir: string, sender: string): Message.Transport => {
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" })
  const write = async (composed: SendMailOptions): Promise<void> => {
    const { message, messageId } = await composer.sendMail(composed)
    if (!Buffer.isBuffer(message)) throw new Error("A mail was composed into no buffer")
    // Whoever reads it can accept what it offers.
    await fs.mkdir(dir, { recursive: true, mode: 0o700 })
    const file = path.join(dir, `${/^<([\w-]+)@/.exec(messageId)?.[1] ?? randomUUID()}.eml`)
    const draft = `${file}.${randomUUID()}.draft`
    try {
      await fs.writeFile(draft, message, { mode: 0o600, flush: true })
      await fs.rename(draft, file)
    } finally {
      await fs.rm(draft, { force: true })
    }
  }
  return {
    send: Message.sending(sender, write, (error) => ({ _tag: "NotSent", why: "unreachable", message: String(error) })),
    close: () => {}
  }
}
