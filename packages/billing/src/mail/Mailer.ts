/** Mail to people: a port. What it is sent by, and from which address, is the installation's. */
import type { KeyObject } from "node:crypto"
import { Context, type Effect } from "effect"

export interface Mail {
  /** One address, and nothing but it. */
  readonly to: string
  /** The name that it comes under. */
  readonly from: string
  /** Where an answer goes, where it goes anywhere. */
  readonly replyTo: string | null
  readonly subject: string
  readonly text: string
  readonly html: string
  /** The same for the same mail: sent again, it is recognisably one. */
  readonly messageId: string
}

export interface NotSent {
  readonly _tag: "NotSent"
  /** Refused for good, or not now. */
  readonly why: "refused" | "unreachable"
  readonly message: string
}

export class Mailer extends Context.Service<
  Mailer,
  {
    readonly send: (mail: Mail) => Effect.Effect<void, NotSent>
    /** What the links in mails are signed under, and what stands before them. */
    readonly links: { readonly pepper: KeyObject; readonly publicUrl: string }
  }
>()("capstan/Mailer") {}
