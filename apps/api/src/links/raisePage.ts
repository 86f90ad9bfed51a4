/** What a raise looks like to who may decide on it by its link. */
import { Words } from "@capstan/billing"
import { Currency, type Money } from "@capstan/domain"
import type { RaiseView } from "@capstan/store"
import { document, type Html, html } from "./Page.ts"

export interface Shown {
  readonly raise: RaiseView.View
  /** The name of the client. */
  readonly client: string
  readonly zone: string
}

export const pending = ({ raise, client, zone }: Shown, path: string): string =>
  document(
    "Raise this spending cap?",
    html`<p>${client} asks to be able to spend more under the cap “${raise.name}”.</p>
      ${limits(raise)} ${facts(raise, zone)}
      <p class="note">Nothing changes until you approve. The present cap holds meanwhile.</p>
      <div class="actions">
        <form method="post" action="${path}/approve"><button class="approve" type="submit">Approve</button></form>
        <form method="post" action="${path}/decline"><button type="submit">Decline</button></form>
      </div>`
  )

const titles = {
  approved: "The raise is approved",
  declined: "The raise was declined",
  expired: "This request has expired"
}
const says = {
  approved: "The higher cap holds. There is nothing left to do.",
  declined: "The cap is as it was. There is nothing left to do.",
  expired: "Nobody decided on it in time, and the cap is as it was. It can be asked for anew."
}

export const settled = ({ raise, client, zone }: Shown, status: Exclude<RaiseView.View["status"], "pending">): string =>
  document(
    titles[status],
    html`<p>${says[status]}</p>
      ${limits(raise)}
      <p class="note">Of ${client}, cap “${raise.name}”.</p>
      ${decided(raise, zone)}`
  )

export const invalid = (): string =>
  document(
    "This link does not lead anywhere",
    html`<p>It is incomplete, or it was never good. Copy it whole from where you found it, or ask for a new one.</p>`
  )

/** After its time the link itself tells nothing any more. */
export const expired = (): string => document(titles.expired, html`<p>${says.expired}</p>`)

export const failed = (): string =>
  document(
    "This did not work just now",
    html`<p>Nothing is lost. Please try again in a moment: what has been decided already is not decided twice.</p>`
  )

const limits = ({ before, limit, status }: RaiseView.View): Html =>
  html`<dl class="limits">
    <dt>${status === "pending" ? "Now" : "Before"}</dt>
    <dd>${money(before)}</dd>
    <dt>${status === "pending" ? "If you approve" : "Now"}</dt>
    <dd class="new">${money(limit)}</dd>
  </dl>`

const facts = ({ note, requestedAt, expiresAt }: RaiseView.View, zone: string): Html =>
  html`<dl>
    ${
      note === null
        ? ""
        : html`<dt>Note</dt>
            <dd>${note}</dd>`
    }
    <dt>Asked</dt>
    <dd>${Words.when(requestedAt, zone)}</dd>
    <dt>Open until</dt>
    <dd>${Words.when(expiresAt, zone)}</dd>
  </dl>`

const decided = ({ decidedAt }: RaiseView.View, zone: string): Html =>
  decidedAt === null ? html`` : html`<p class="note">Decided ${Words.when(decidedAt, zone)}.</p>`

const money = ({ amount, currency }: Money.Money): string =>
  Currency.format(amount, currency).replace(/^\d+/, (whole) => whole.replaceAll(/\B(?=(\d{3})+$)/g, ","))
