/** What an invitation looks like to who was sent it. */
import { Words } from "@capstan/billing"
import type { Instant } from "@capstan/domain"
import { document, type Html, html } from "./Page.ts"

export interface Shown {
  /** What one would join. */
  readonly what: string
  /** Of whom; null where it says so itself. */
  readonly seller: string | null
  readonly email: string
  readonly name: string | null
  readonly role: string
  readonly expiresAt: Instant.Instant
  readonly zone: string
  readonly status: "accepted" | "expired" | "pending" | "removed" | "revoked"
}

export const pending = (shown: Shown, path: string): string =>
  document(
    `Join ${shown.what}?`,
    html`<p>${shown.email} has been invited to ${shown.what}${of(shown)}.</p>
      ${facts(shown)}
      <p class="note">Nothing happens until you accept.</p>
      <form method="post" action="${path}/accept">
        <label for="name">Your name</label>
        <input id="name" name="name" maxlength="200" autocomplete="name" value="${shown.name ?? ""}" />
        <div class="actions"><button class="approve" type="submit">Accept</button></div>
      </form>`
  )

const titles = {
  accepted: "You have joined",
  expired: "This invitation has expired",
  removed: "This invitation is over",
  revoked: "This invitation was taken back"
}
const says = {
  accepted: "The invitation is accepted. There is nothing left to do here.",
  expired: "Nobody accepted it in time. Whoever invited you can send it again.",
  removed: "It was accepted once, and whoever joined by it has been removed since.",
  revoked: "Whoever invited you has taken it back. Ask them if you did not expect that."
}

export const settled = (shown: Shown, status: Exclude<Shown["status"], "pending">): string =>
  document(
    titles[status],
    html`<p>${says[status]}</p>
      <p class="note">To ${shown.what}${of(shown)}, for ${shown.email}.</p>`
  )

export const invalid = (): string =>
  document(
    "This link does not lead anywhere",
    html`<p>It is incomplete, or it was never good. Copy it whole from your mail, or ask for a new one.</p>`
  )

/** After its time the link itself tells nothing any more. */
export const expired = (): string => document(titles.expired, html`<p>${says.expired}</p>`)

/** Why it could not be accepted just now, in the words of the refusal. */
export const refused = (message: string, path: string): string =>
  document(
    "This cannot be accepted now",
    html`<p>${message}</p>
      <p class="note">The invitation stays as it is: <a href="${path}">look at it again</a> later.</p>`
  )

export const failed = (): string =>
  document(
    "This did not work just now",
    html`<p>Nothing is lost. Please try again in a moment: who has joined already does not join twice.</p>`
  )

const of = ({ seller }: Shown): string => (seller === null ? "" : `, which is served by ${seller}`)

const facts = ({ role, expiresAt, zone }: Shown): Html =>
  html`<dl>
    <dt>Your role</dt>
    <dd>${role}</dd>
    <dt>Open until</dt>
    <dd>${Words.when(expiresAt, zone)}</dd>
  </dl>`
