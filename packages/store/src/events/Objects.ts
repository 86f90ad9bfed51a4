/** Which object an event is of, in one table by what its kind begins with: the payload, or the client, has the id. */
import type { Id } from "@capstan/domain"

export interface Object {
  readonly type: string
  readonly id: string
}

type Fields = Readonly<Record<string, unknown>>
type Find = (payload: Fields, client: Id.Id | null) => Object | null

/** By a field of the payload, or of what it says of after or before. */
const by =
  (type: string, name: string): Find =>
  (payload) => {
    for (const part of [payload, payload["after"], payload["before"]]) {
      const id = isFields(part) ? part[name] : undefined
      if (typeof id === "string") return { type, id }
    }
    return null
  }

const ofClient =
  (type: string): Find =>
  (_, client) =>
    client === null ? null : { type, id: client }

/** An entry of the ledger; where an order is given back, that. */
const entry: Find = (payload, client) => {
  const { payer, seq } = payload
  const isNumber = typeof seq === "bigint" || typeof seq === "number" || typeof seq === "string"
  return typeof payer === "string" && isNumber
    ? { type: "entry", id: `${payer}.${seq}` }
    : by("order", "order")(payload, client)
}

const table: Readonly<Record<string, Find>> = {
  access_token: by("accessToken", "token"),
  balance: ofClient("client"),
  cap: by("cap", "cap"),
  client: ofClient("client"),
  credit_pack: by("product", "pack"),
  credits: entry,
  gateway: by("gateway", "connection"),
  invitation: by("invitation", "invitation"),
  mail: by("mail", "event"),
  member: by("member", "member"),
  operator: by("operator", "operator"),
  order: by("order", "order"),
  organization: by("organization", "organization"),
  payment: by("payment", "payment"),
  payment_method: by("paymentMethod", "method"),
  plan: by("plan", "plan"),
  raise: by("raise", "raise"),
  recharge: ofClient("recharge"),
  session: by("session", "session"),
  spending_cap: by("cap", "cap"),
  spending_threshold: by("cap", "cap"),
  subscription: by("subscription", "subscription")
}

const findOf = (kind: string): Find | undefined => table[kind.slice(0, kind.indexOf("."))]

export const isKnown = (kind: string): boolean => findOf(kind) !== undefined

export const of = (kind: string, client: Id.Id | null, payload: unknown): Object | null =>
  findOf(kind)?.(isFields(payload) ? payload : {}, client) ?? null

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null
