/** A mail as nodemailer takes it. Names and texts stay within the header they stand in: it encodes what would leave it. */
import type { Mailer } from "@capstan/billing"
import { Effect } from "effect"
import type { SendMailOptions } from "nodemailer"

export interface Transport {
  readonly send: (mail: Mailer.Mail) => Effect.Effect<void, Mailer.NotSent>
  readonly close: () => void
}

/** Of what is no single address nothing is made: an address parser would find some in it. */
export const sending =
  (
    sender: string,
    deliver: (message: SendMailOptions) => Promise<unknown>,
    notSent: (error: unknown) => Mailer.NotSent
  ): Transport["send"] =>
  (mail) =>
    address.test(mail.to)
      ? Effect.asVoid(Effect.tryPromise({ try: () => deliver(of(mail, sender)), catch: notSent }))
      : Effect.fail({ _tag: "NotSent", why: "refused", message: "This is no single address." })

const address = /^[^\s@<>"(),:;]{1,64}@[^\s@<>"(),:;]{1,253}$/

const of = (mail: Mailer.Mail, sender: string): SendMailOptions => ({
  envelope: { from: sender, to: [mail.to] },
  from: { name: mail.from, address: sender },
  to: { name: "", address: mail.to },
  ...(mail.replyTo === null ? {} : { replyTo: { name: "", address: mail.replyTo } }),
  subject: mail.subject,
  text: mail.text,
  html: mail.html,
  messageId: `<${mail.messageId}@${sender.slice(sender.lastIndexOf("@") + 1)}>`,
  // No robot is to answer.
  headers: { "Auto-Submitted": "auto-generated" },
  disableFileAccess: true,
  disableUrlAccess: true
})
