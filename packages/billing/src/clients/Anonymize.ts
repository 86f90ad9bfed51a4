/**
 * A deleted client forgets who it was: its row, its people, its invitations, its log, and the answers that keys have. A name
 * or an address becomes the same hash wherever it stood, with a salt that nobody keeps, and what somebody wrote freely is gone: whom it names, nobody
 * can tell. Kinds, actors, ids, amounts and times stay. A business with a tax id keeps its name.
 */
import { hash, randomUUID } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import { Clients, CommandKeys, EventLog, People, Raises } from "@capstan/store"
import type { Session } from "../subscriptions/Serve.ts"

/** What stands for a text from now on, by the text in lower case. */
type Hashes = ReadonlyMap<string, string>

export const anonymize = async ({ trx, caller, locked }: Session, client: Clients.Client): Promise<void> => {
  const { organization } = caller
  const { at } = locked
  const { id, email, name, billingName } = client
  const salt = randomUUID()
  const digest = (text: string) => hash("sha256", `${salt}\n${text.toLowerCase()}`, "hex")
  const addressOf = (text: string) => `${digest(text).slice(0, 40)}@anonymized.invalid`
  const nameOf = (text: string) => digest(text)
  const keepsName = client.taxId !== null
  const kept = new Set(keepsName ? [name.toLowerCase()] : [])

  const hashes = new Map<string, string>()
  const learn = (texts: Personal): void => {
    for (const text of texts.emails) hashes.set(text.toLowerCase(), addressOf(text))
    for (const text of texts.names) if (!kept.has(text.toLowerCase())) hashes.set(text.toLowerCase(), nameOf(text))
  }
  learn({ emails: email === null ? [] : [email], names: billingName === null ? [name] : [name, billingName] })
  for (const { email: address, name: person } of await People.everOf(trx, organization, id))
    learn({ emails: [address], names: person === null ? [] : [person] })
  for await (const events of EventLog.pagesOf(trx, organization, id))
    for (const { kind, payload } of events) if (isAboutPeople(kind)) learn(personalIn(payload))

  for await (const events of EventLog.pagesOf(trx, organization, id)) {
    const scrubbed = events.map((event) => ({
      ...event,
      payload: scrub(event.payload, hashes, isAboutPeople(event.kind))
    }))
    const changed = scrubbed.filter((event, i) => !isDeepStrictEqual(event.payload, events[i]?.payload))
    await EventLog.replace(trx, organization, id, changed)
  }
  await CommandKeys.rewrite(trx, organization, id, (answer) => scrub(answer, hashes, true))
  await People.anonymize(trx, organization, id, { addressOf, nameOf })
  await Raises.forgetNotes(trx, organization, id)
  await Clients.anonymize(trx, organization, id, {
    email: email === null ? null : addressOf(email),
    name: keepsName ? name : nameOf(name),
    billingName: billingName === null ? null : nameOf(billingName),
    suspensions: client.lifecycle.suspensions.map((suspension) => ({ ...suspension, note: null })),
    at
  })
  locked.record({ client: id, kind: "client.anonymized", payload: {} })
}

interface Personal {
  readonly emails: ReadonlyArray<string>
  readonly names: ReadonlyArray<string>
}

const isAboutPeople = (kind: string): boolean => /^(?:client|member|invitation)\./.test(kind)

/** The addresses and names that a payload has by their fields. */
const personalIn = (payload: unknown): Personal => {
  const emails: Array<string> = []
  const names: Array<string> = []
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    for (const [key, field] of Object.entries(value)) {
      if (typeof field !== "string") walk(field)
      else if (key === "email") emails.push(field)
      else if (key === "name" || key === "billingName") names.push(field)
    }
  }
  walk(payload)
  return { emails, names }
}

const scrub = (payload: unknown, hashes: Hashes, isPersonal: boolean): unknown => {
  const walk = (key: string, value: unknown): unknown => {
    if (isPersonal && key === "billingAddress") return null
    if (isPersonal && key === "logoUrl") return null
    // What metadata says of how it is to be shown is a part of it.
    if (isPersonal && (key === "metadata" || key === "config")) return {}
    if (typeof value === "string") {
      if (isWritten(key)) return null
      const hashed = hashes.get(value.toLowerCase())
      if (hashed !== undefined && (value.includes("@") || (isPersonal && isName(key)))) return hashed
      return value
    }
    if (Array.isArray(value)) return value.map((item) => walk(key, item))
    return typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, walk(name, field)]))
      : value
  }
  return walk("", payload)
}

const isName = (key: string): boolean => key === "name" || key === "billingName"

/** Freely, by somebody. */
const isWritten = (key: string): boolean => key === "note" || key === "comment"
