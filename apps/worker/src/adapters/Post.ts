/** What mail goes by, as the environment says: an SMTP server, or files. */
import { Mailer } from "@capstan/billing"
import { AccessTokens } from "@capstan/store"
import { Effect, Layer } from "effect"
import * as MailFiles from "./MailFiles.ts"
import * as Smtp from "./Smtp.ts"

export interface Post {
  /** `smtp://` or `smtps://`; null where mail is kept in files. */
  readonly smtpUrl: string | null
  /** The address that mail comes from. */
  readonly sender: string
  /** Where the files are. */
  readonly dir: string
  /** Where people reach the API from outside. */
  readonly publicUrl: string
}

export const layer = (secret: string, { smtpUrl, sender, dir, publicUrl }: Post): Layer.Layer<Mailer.Mailer> =>
  Layer.effect(
    Mailer.Mailer,
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => (smtpUrl === null ? MailFiles.open(dir, sender) : Smtp.open(smtpUrl, sender))),
        ({ close }) => Effect.sync(close)
      ),
      ({ send }) => ({ send, links: { pepper: AccessTokens.pepper(secret), publicUrl } })
    )
  )
