/** What mails that invite somebody have in common: whose they are, who invites, and what becomes of them. */
import type { Id, Role, Settings } from "@capstan/domain"
import { type Caller, type Database, Ids, Members, Operators, type Organizations, type Trees } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, type Refused } from "../Doors.ts"
import * as Words from "../links/Words.ts"
import * as Letter from "./Letter.ts"
import { type Mail, Mailer, type NotSent } from "./Mailer.ts"

export interface Asked {
  /** Of the event that asks for the mail: what is sent for it is one mail, however often. */
  readonly event: Id.Id
  /** The invitation, or the operator. */
  readonly subject: Id.Id
}

export const sellerOf = (organization: Organizations.Organization): Letter.Seller => {
  const { seller, logoUrl } = organization.settings
  const lines = seller === null ? [] : [...placeOf(seller.address), seller.email, seller.phone, seller.website]
  return { name: Words.seller(organization), lines: lines.filter((line) => line !== null), logoUrl }
}

const placeOf = (address: Settings.Seller["address"]): ReadonlyArray<string | null> => {
  if (address === null) return []
  const { line1, line2, postalCode, city, state, country } = address
  const joined = (parts: ReadonlyArray<string | null>) => parts.filter((part) => part !== null).join(" ")
  return [line1, line2, joined([postalCode, city, state, country])]
}

/** Somebody in person, by name; else the organization. */
export const inviterOf = async (
  db: Database.Connection["db"],
  organization: Id.Id,
  actor: string,
  otherwise: string
): Promise<string> => {
  const [kind, id = ""] = actor.split(":")
  const find = kind === "member" ? Members.find : kind === "operator" ? Operators.find : undefined
  const person = find === undefined || !Ids.isId(id) ? undefined : await find(db, organization, id)
  return person === undefined ? otherwise : (person.name ?? person.email)
}

/** As it is read in a sentence. */
export const called = (role: Role.Member | Role.Operator): string => role.toLowerCase()

interface Addressed extends Pick<Mail, "replyTo" | "subject" | "to"> {
  readonly letter: Letter.Letter
  readonly client: Id.Id | null
}

/** What a server has refused for good is told by the event log, and not sent again. */
export const deliver = (
  caller: Caller,
  { event, subject: about }: Asked,
  { letter, client, ...addressed }: Addressed
): Effect.Effect<void, NotSent | Refused, Mailer | Trees.Trees> => {
  const bodies = { text: Letter.text(letter), html: Letter.html(letter) }
  const mail: Mail = { ...addressed, ...bodies, from: letter.seller.name, messageId: event }
  return Effect.flatMap(Mailer, ({ send }) =>
    Effect.catch(send(mail), (failed): Effect.Effect<void, NotSent | Refused, Trees.Trees> => {
      if (failed.why === "unreachable") return Effect.fail(failed)
      const payload = { about, event, to: mail.to, message: failed.message }
      return change(caller, client === null ? [] : [client], (_, { record }) => {
        record({ client, kind: "mail.refused", payload })
        return Promise.resolve(Result.succeed(undefined))
      })
    })
  )
}
