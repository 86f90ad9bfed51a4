/** Each procedure that changes something and takes a key and a token, with two inputs that it takes: each time anew. */
import { assert } from "vitest"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import { anId, type Input, overRest, pool, start, tokenOf } from "./Serving.ts"

/** What sells credits and has plans. */
export const { url } = await start()
export const own = await tenant(url)
await own.pack("credits", 10n)
for (const key of ["plan", "other"]) await publish(own.id, key)

const usd = (amount: number) => ({ amount, currency: "USD" })

const must = async (name: string, input: Input, token = own.token) => {
  const { status, body } = await overRest(url, name, input, { token })
  assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
  return body
}
export const once = () => ({ idempotencyKey: anId() })
export const named = (of: unknown, field = "id") => String((of as Readonly<Record<string, unknown>>)[field])

const funded = async () => {
  const client = await own.client()
  await must("credits.grant", { client, kind: "extra", amount: "100", ...once() })
  return client
}
const entered = async (client: string) =>
  named((await must("paymentMethods.setup", { client, reference: `sandbox_succeed.${anId()}` }))["method"])
const paying = async () => {
  const client = await own.client()
  await entered(client)
  return client
}
const held = async (client: string) =>
  named((await must("credits.reserve", { client, amount: "2", expiresIn: 600, ...once() }))["hold"])
const leased = async (client: string) =>
  named((await must("credits.lease", { client, amount: "2", seconds: 60, ...once() }))["lease"])
const capped = async (name = "default") => {
  const client = await own.client()
  await must("caps.set", { client, name, limit: usd(100) })
  return client
}
const raised = async () => {
  const client = await capped()
  const { text } = await tokenOf(own.id, { reach: client })
  return named(await must("raises.request", { client, cap: "default", limit: usd(200) }, text))
}
/** Not the OWNER, who has to stay. */
const member = async () => {
  const client = await own.client()
  await must("members.create", { client, email: "owner@example.com" })
  return named(await must("members.create", { client, email: "a@example.com" }))
}
const invitation = async () =>
  named(await must("invitations.create", { client: await own.client(), email: "b@example.com" }))
const operator = async () => named(await must("operators.invite", { email: `${anId()}@example.com`, role: "OWNER" }))
const suspended = async () => {
  const client = await own.client()
  await must("clients.suspend", { client })
  return client
}
const stopped = async () => {
  const client = await paying()
  const setting = { enabled: true, consent: true, threshold: "1", amount: "100", pack: "credits" }
  await must("recharge.configure", { client, ...setting })
  await pool.query(
    "update auto_recharge set phase = 'stopped', stopped_at = now(), due_at = null where client_id = $1",
    [client]
  )
  return client
}
const sold = async () =>
  named(await must("credits.purchase", { client: await paying(), ...buying, ...once() }), "order")
const buying = { product: "credits", quantity: 100 }
const reader = { name: "Reader", scopes: ["credits:read"] }
const token = async () => named(await must("accessTokens.create", { ...reader, client: await own.client() }))

type Case = () => Promise<readonly [first: Input, other: Input]>

/** Two of the same kind, for what has no more to say than which. */
const two =
  (field: string, make: () => Promise<string>): Case =>
  async () => [{ [field]: await make() }, { [field]: await make() }]
/** The same with something said about it, and something else. */
const said =
  (field: string, make: () => Promise<string>, first: object, other: object): Case =>
  async () => {
    const of = { [field]: await make() }
    return [
      { ...of, ...first },
      { ...of, ...other }
    ]
  }

/** What is asked first, and what is not to be done under its key: made anew each time. */
export const cases: Readonly<Record<string, Case>> = {
  "organization.update": async () => [{ name: anId() }, { name: anId() }],
  "clients.create": async () => [{ name: "One" }, { name: "Two" }],
  "clients.import": async () => [{ items: [{ name: "One" }] }, { items: [{ name: "Two" }] }],
  "clients.upsert": said("externalId", async () => anId(), { name: "One" }, { name: "Two" }),
  "clients.update": said("client", () => own.client(), { name: "One" }, { name: "Two" }),
  "clients.delete": two("client", () => own.client()),
  "clients.suspend": said("client", () => own.client(), { note: "One" }, { note: "Two" }),
  "clients.reactivate": two("client", suspended),
  "clients.move": async () => {
    const client = await own.client()
    return [
      { client, parent: await own.client() },
      { client, parent: await own.client() }
    ]
  },
  "clients.detach": two("client", async () => own.client({ parent: await own.client() })),
  "clients.completeOnboarding": two("client", () => own.client({ onboarded: false })),
  "clients.billing.update": said("client", () => own.client(), { lowBalance: "1" }, { lowBalance: "2" }),
  "members.create": said("client", () => own.client(), { email: "a@example.com" }, { email: "b@example.com" }),
  "members.update": said("member", member, { name: "One" }, { name: "Two" }),
  "members.delete": two("member", member),
  "invitations.create": said("client", () => own.client(), { email: "a@example.com" }, { email: "b@example.com" }),
  "invitations.resend": two("invitation", invitation),
  "invitations.revoke": two("invitation", invitation),
  "operators.invite": async () => [
    { email: `${anId()}@example.com`, role: "OWNER" },
    { email: `${anId()}@example.com`, role: "OWNER" }
  ],
  "operators.update": said("operator", operator, { name: "One" }, { name: "Two" }),
  "operators.remove": two("operator", operator),
  "sessions.create": two("member", member),
  "sessions.revoke": two("session", async () => named(await must("sessions.create", { member: await member() }))),
  "subscriptions.create": said("client", () => own.client(), { plan: "plan" }, { plan: "other" }),
  "subscriptions.update": said(
    "subscription",
    async () => named(await must("subscriptions.create", { client: await own.client(), plan: "plan" })),
    { seats: 4 },
    { seats: 5 }
  ),
  "credits.consume": said("client", funded, { amount: "1" }, { amount: "2" }),
  "credits.reserve": said("client", funded, { amount: "1", expiresIn: 60 }, { amount: "2", expiresIn: 60 }),
  "credits.capture": said("hold", async () => held(await funded()), { amount: "1" }, { amount: "2" }),
  "credits.release": async () => {
    const client = await funded()
    return [{ hold: await held(client) }, { hold: await held(client) }]
  },
  "credits.grant": said("client", () => own.client(), { kind: "extra", amount: "1" }, { kind: "extra", amount: "2" }),
  "credits.revokeGrant": said(
    "entry",
    async () =>
      named(
        (await must("credits.adjust", { client: await own.client(), amount: "5", reason: "gift", ...once() }))["entry"]
      ),
    { amount: "1" },
    { amount: "2" }
  ),
  "credits.adjust": said("client", funded, { amount: "1", reason: "gift" }, { amount: "2", reason: "gift" }),
  "credits.purchase": said("client", paying, buying, { ...buying, quantity: 51 }),
  "credits.reverse": said(
    "entry",
    async () => named((await must("credits.consume", { client: await funded(), amount: "5", ...once() }))["entry"]),
    { amount: "1" },
    { amount: "2" }
  ),
  "credits.lease": said("client", funded, { amount: "1", seconds: 60 }, { amount: "2", seconds: 60 }),
  "credits.renewLease": said(
    "lease",
    async () => leased(await funded()),
    { spent: "1", amount: "2", seconds: 60 },
    { spent: "2", amount: "2", seconds: 60 }
  ),
  "credits.settleLease": said("lease", async () => leased(await funded()), { spent: "1" }, { spent: "2" }),
  "caps.set": said("client", () => own.client(), { limit: usd(1) }, { limit: usd(2) }),
  "caps.remove": async () => {
    const client = await capped()
    await must("caps.set", { client, name: "second", limit: usd(100) })
    return [
      { client, name: "default" },
      { client, name: "second" }
    ]
  },
  "caps.resetWindow": async () => {
    const client = await capped()
    await must("caps.set", { client, name: "second", limit: usd(100) })
    return [
      { client, name: "default" },
      { client, name: "second" }
    ]
  },
  "raises.request": said("client", capped, { cap: "default", limit: usd(200) }, { cap: "default", limit: usd(300) }),
  "raises.approve": two("raise", raised),
  "raises.decline": two("raise", raised),
  "products.create": async () => {
    const product = { key: `pack-${anId()}`, name: "Big", credits: "10" }
    return [
      { ...product, price: usd(1_000) },
      { ...product, price: usd(1) }
    ]
  },
  "products.archive": two("product", async () => {
    const key = `pack-${anId()}`
    await must("products.create", { key, name: "Big", price: usd(1_000), credits: "10" })
    return key
  }),
  "recharge.configure": said(
    "client",
    paying,
    { enabled: true, consent: true, threshold: "1", amount: "100", pack: "credits", maxPerDay: usd(2_000) },
    { enabled: true, consent: true, threshold: "1", amount: "100", pack: "credits", maxPerDay: usd(3_000) }
  ),
  "recharge.rearm": two("client", stopped),
  "gateways.connect": async () => [
    { gateway: "sandbox", name: "One" },
    { gateway: "sandbox", name: "Two" }
  ],
  "gateways.disconnect": two("connection", async () => named(await must("gateways.connect", { gateway: "sandbox" }))),
  "paymentMethods.setup": said("client", () => own.client(), {}, { default: true }),
  "paymentMethods.setDefault": async () => {
    const client = await paying()
    return [
      { client, method: await entered(client) },
      { client, method: await entered(client) }
    ]
  },
  "paymentMethods.remove": async () => {
    const client = await paying()
    return [
      { client, method: await entered(client) },
      { client, method: await entered(client) }
    ]
  },
  "orders.refund": said("order", sold, { amount: usd(100) }, { amount: usd(101) }),
  "accessTokens.create": said("client", () => own.client(), reader, { ...reader, name: "Other" }),
  "accessTokens.update": said("token", token, { name: "One" }, { name: "Two" }),
  "accessTokens.rotate": said("token", token, { overlapSeconds: 1 }, { overlapSeconds: 2 }),
  "accessTokens.delete": two("token", token)
}
