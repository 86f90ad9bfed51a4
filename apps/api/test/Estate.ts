/** An organization that has something of each kind that a procedure can name. */
import { SignedLink } from "@capstan/billing"
import { AccessTokens } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert } from "vitest"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import { anId, overTrpc, pool, secret, type Sent, tokenOf } from "./Serving.ts"

const usd = (amount: number) => ({ amount, currency: "USD" })

/** Of each kind several, where they differ in what can be done with them: the first is what most can be done with. */
export interface Owned {
  readonly client: ReadonlyArray<string>
  readonly hold: ReadonlyArray<string>
  readonly lease: ReadonlyArray<string>
  readonly debit: ReadonlyArray<string>
  readonly grant: ReadonlyArray<string>
  readonly raise: ReadonlyArray<string>
  readonly method: ReadonlyArray<string>
  readonly connection: ReadonlyArray<string>
  readonly product: ReadonlyArray<string>
  readonly order: ReadonlyArray<string>
  readonly payment: ReadonlyArray<string>
  readonly subscription: ReadonlyArray<string>
  readonly token: ReadonlyArray<string>
  readonly member: ReadonlyArray<string>
  readonly invitation: ReadonlyArray<string>
  readonly operator: ReadonlyArray<string>
  readonly session: ReadonlyArray<string>
  readonly event: ReadonlyArray<string>
}
export type Kind = keyof Owned

/** Which kind of thing a field names; of entries, those that the procedure can do something with. */
export const kindOf = (procedure: string, field: string): Kind | undefined => {
  if (field === "entry") return procedure === "credits.revokeGrant" ? "grant" : "debit"
  return kinds[field]
}
const kinds: Readonly<Record<string, Kind>> = {
  client: "client",
  parent: "client",
  hold: "hold",
  lease: "lease",
  raise: "raise",
  method: "method",
  paymentMethod: "method",
  connection: "connection",
  product: "product",
  order: "order",
  payment: "payment",
  subscription: "subscription",
  token: "token",
  member: "member",
  invitation: "invitation",
  operator: "operator",
  session: "session",
  event: "event"
}

/** What belongs to the organization rather than to a client: also a token that is confined may use it. */
export const shared: ReadonlySet<Kind> = new Set(["connection", "product"])
/** And see it. */
export const shown: ReadonlySet<Kind> = new Set(["product"])

export interface Estate {
  readonly id: string
  readonly token: string
  /** The token of the link in the mail of the invitation. */
  readonly link: string
  readonly owned: Owned
}

export const estate = async (url: string): Promise<Estate> => {
  const { id, token, ...paying } = await tenant(url)
  const must = async (name: string, input: object, sent: Sent = { token }) => {
    const { status, body } = await overTrpc(url, name, input, sent)
    assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
    return body
  }
  const named = (of: unknown, field = "id") => String((of as Readonly<Record<string, unknown>>)[field])
  const keyed = () => ({ idempotencyKey: anId() })

  const client = await paying.client({ externalId: `ext-${anId()}`, metadata: { tier: "gold" } })
  const below = await paying.client({ parent: client })
  const pending = await paying.client({ onboarded: false })
  const suspended = await paying.client()
  await must("clients.suspend", { client: suspended })
  await paying.method(client)
  await paying.method(client, `sandbox_succeed.${anId()}`)

  const { id: product } = await must("products.create", { key: "small", name: "S", price: usd(100), credits: "10" })
  const bought = await must("credits.purchase", { client, product: "small", ...keyed() })
  const spent = await must("credits.consume", { client, amount: "1", ...keyed() })
  const held = await must("credits.reserve", { client, amount: "1", expiresIn: 600, ...keyed() })
  const leased = await must("credits.lease", { client, amount: "1", seconds: 60, ...keyed() })

  for (const one of [client, below, pending, suspended]) await must("caps.set", { client: one, limit: usd(1_000) })
  const confined = { token: (await tokenOf(id, { reach: client })).text }
  const asked = await must("raises.request", { client, cap: "default", limit: usd(2_000) }, confined)
  await publish(id, "plan")
  const subscribed = await must("subscriptions.create", { client, plan: "plan" })

  const { items: methods } = await must("paymentMethods.list", { client })
  const spare = await must("gateways.connect", { gateway: "sandbox", name: "Spare" })
  const { items: connections } = await must("gateways.list", {})
  const created = await must("accessTokens.create", { name: "Reader", scopes: ["credits:read"], client })
  const ada = await must("members.create", { client, email: "ada@example.com", externalId: "ada" })
  const grace = await must("members.create", { client, email: "grace@example.com" })
  const invited = await must("invitations.create", { client, email: "bob@example.com" })
  const mailed = { organization: id, subject: named(invited), expiresAt: Date.parse(named(invited, "expiresAt")) }
  const owner = await must("operators.invite", { email: "owner@example.com", role: "OWNER" })
  await pool.query("update operator set status = 'active', accepted_at = now() where organization_id = $1", [id])
  const admin = await must("operators.invite", { email: "admin@example.com", role: "ADMIN" })
  const recharge = { enabled: true, consent: true, threshold: "1", amount: "10", pack: "small" }
  await must("recharge.configure", { client, ...recharge })
  await pool.query(
    "update auto_recharge set phase = 'stopped', stopped_at = now(), due_at = null where organization_id = $1",
    [id]
  )
  const { items: events } = await must("events.list", { client })
  const ids = (list: unknown) => (list as ReadonlyArray<unknown>).map((item) => named(item))
  return {
    id,
    token,
    link: SignedLink.path(AccessTokens.pepper(secret), "invitation", mailed).slice(
      SignedLink.roots.invitation.length + 1
    ),
    owned: {
      client: [client, pending, suspended, below],
      hold: [named(held["hold"])],
      lease: [named(leased["lease"])],
      debit: [named(spent["entry"])],
      grant: [named(bought["entry"])],
      raise: [named(asked)],
      method: ids(methods).toReversed(),
      connection: [named(spare), ...ids(connections).filter((connection) => connection !== named(spare))],
      product: ["small", String(product)],
      order: [named(bought, "order")],
      payment: [named(bought, "payment")],
      subscription: [named(subscribed)],
      token: [named(created)],
      member: [named(grace), named(ada)],
      invitation: [named(invited)],
      operator: [named(admin), named(owner)],
      session: [named(await must("sessions.create", { member: named(ada) }))],
      event: ids(events).slice(0, 1)
    }
  }
}

/** A client beside those of an estate, with a token that is confined to it. */
export const besideOf = async ({ id }: Estate, options: Client.Options = {}) => {
  const client = await Client.create(pool, { id }, options)
  return { client, token: (await tokenOf(id, { reach: client })).text }
}
