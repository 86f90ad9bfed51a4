/** Nobody else's data: each procedure of the contract, asked by strangers for what is not theirs. */
import { procedures } from "@capstan/contract"
import { Client } from "@capstan/testing"
import { assert, beforeAll, describe, it } from "vitest"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import { digests } from "./Rows.ts"
import { anId, organization, overTrpc, pool, start, type Sent, tokenOf, transports } from "./Serving.ts"

const { url } = await start()
const usd = (amount: number) => ({ amount, currency: "USD" })

/** What somebody has, of each kind that a procedure can name. */
interface Owned {
  readonly client: string
  readonly hold: string
  readonly lease: string
  readonly debit: string
  readonly grant: string
  readonly raise: string
  readonly method: string
  readonly connection: string
  readonly product: string
  readonly order: string
  readonly payment: string
  readonly subscription: string
  readonly token: string
  readonly member: string
  readonly invitation: string
  readonly operator: string
  readonly session: string
  readonly event: string
}

const debit = { amount: "1", idempotencyKey: anId() }
const slice = { ...debit, seconds: 60 }
const grant = { kind: "extra", amount: "1", idempotencyKey: anId() }
const raise = { cap: "default", limit: usd(10) }

/** What names something: to a stranger, it is not there. */
const naming: Readonly<Record<string, (owned: Owned, strangers: string) => Readonly<Record<string, unknown>>>> = {
  "clients.create": ({ client }) => ({ name: "Child", parent: client }),
  "clients.upsert": ({ client }) => ({ externalId: anId(), name: "Child", parent: client }),
  "clients.delete": ({ client }) => ({ client }),
  "clients.update": ({ client }) => ({ client, name: "Theirs" }),
  "clients.get": ({ client }) => ({ client }),
  "clients.state": ({ client }) => ({ client }),
  "clients.billing.get": ({ client }) => ({ client }),
  "clients.billing.update": ({ client }) => ({ client, lowBalance: "1" }),
  "clients.list": ({ client }) => ({ parent: client }),
  "clients.export": ({ client }) => ({ parent: client }),
  "clients.suspend": ({ client }) => ({ client }),
  "clients.reactivate": ({ client }) => ({ client }),
  "clients.previewReactivate": ({ client }) => ({ client }),
  "clients.children": ({ client }) => ({ client }),
  "clients.move": ({ client }, parent) => ({ client, parent }),
  "clients.detach": ({ client }) => ({ client }),
  "clients.completeOnboarding": ({ client }) => ({ client }),
  "subscriptions.create": ({ client }) => ({ client, plan: "plan" }),
  "subscriptions.get": ({ subscription }) => ({ subscription }),
  "credits.balance": ({ client }) => ({ client }),
  "credits.check": ({ client }) => ({ client, amount: "1" }),
  "credits.consume": ({ client }) => ({ client, ...debit }),
  "credits.reserve": ({ client }) => ({ client, ...debit, expiresIn: 60 }),
  "credits.capture": ({ hold }) => ({ hold, idempotencyKey: anId() }),
  "credits.release": ({ hold }) => ({ hold, idempotencyKey: anId() }),
  "credits.grant": ({ client }) => ({ client, ...grant }),
  "credits.revokeGrant": (owned) => ({ entry: owned.grant, idempotencyKey: anId() }),
  "credits.adjust": ({ client }) => ({ client, ...debit, reason: "goodwill" }),
  "credits.purchase": ({ client }) => ({ client, product: "small", idempotencyKey: anId() }),
  "credits.reverse": (owned) => ({ entry: owned.debit, idempotencyKey: anId() }),
  "credits.ledger": ({ client }) => ({ client }),
  "credits.lease": ({ client }) => ({ client, ...slice }),
  "credits.renewLease": ({ lease }) => ({ lease, spent: "0", ...slice }),
  "credits.settleLease": ({ lease }) => ({ lease, spent: "0", idempotencyKey: anId() }),
  "members.create": ({ client }) => ({ client, email: "eve@example.com" }),
  "members.list": ({ client }) => ({ client }),
  "members.get": ({ member }) => ({ member }),
  "members.update": ({ member }) => ({ member, name: "Eve" }),
  "members.delete": ({ member }) => ({ member }),
  "invitations.create": ({ client }) => ({ client, email: "eve@example.com" }),
  "invitations.list": ({ client }) => ({ client }),
  "invitations.resend": ({ invitation }) => ({ invitation }),
  "invitations.revoke": ({ invitation }) => ({ invitation }),
  "subscriptions.update": ({ subscription }) => ({ subscription, seats: 1 }),
  "caps.list": ({ client }) => ({ client }),
  "caps.set": ({ client }) => ({ client, limit: usd(1) }),
  "caps.remove": ({ client }) => ({ client, name: "default" }),
  "caps.resetWindow": ({ client }) => ({ client, name: "default" }),
  "raises.request": ({ client }) => ({ client, ...raise }),
  "raises.list": ({ client }) => ({ client }),
  "raises.get": (owned) => ({ raise: owned.raise }),
  "raises.approve": (owned) => ({ raise: owned.raise }),
  "raises.decline": (owned) => ({ raise: owned.raise }),
  "recharge.get": ({ client }) => ({ client }),
  "recharge.configure": ({ client }) => ({ client, enabled: false }),
  "recharge.attempts": ({ client }) => ({ client }),
  "recharge.rearm": ({ client }) => ({ client }),
  "gateways.disconnect": ({ connection }) => ({ connection }),
  "paymentMethods.setup": ({ client }) => ({ client, reference: "sandbox_succeed" }),
  "paymentMethods.list": ({ client }) => ({ client }),
  "paymentMethods.setDefault": ({ client, method }) => ({ client, method }),
  "paymentMethods.remove": ({ client, method }) => ({ client, method }),
  "orders.list": ({ client }) => ({ client }),
  "orders.get": ({ order }) => ({ order }),
  "orders.refund": ({ order }) => ({ order, idempotencyKey: anId() }),
  "payments.list": ({ client }) => ({ client }),
  "payments.get": ({ payment }) => ({ payment }),
  "operators.update": ({ operator }) => ({ operator, name: "Theirs" }),
  "operators.remove": ({ operator }) => ({ operator }),
  "sessions.create": ({ member }) => ({ member }),
  "sessions.revoke": ({ session }) => ({ session }),
  "events.list": ({ client }) => ({ client }),
  "events.get": ({ event }) => ({ event }),
  "events.export": ({ client }) => ({ client }),
  "accessTokens.create": ({ client }) => ({ name: "Theirs", scopes: ["credits:read"], client }),
  "accessTokens.get": ({ token }) => ({ token }),
  "accessTokens.update": ({ token }) => ({ token, name: "Theirs" }),
  "accessTokens.rotate": ({ token }) => ({ token }),
  "accessTokens.delete": ({ token }) => ({ token })
}

/** The same, of what belongs to the organization rather than to a client: also a confined token may see it. */
const ofOrganization: typeof naming = {
  "products.get": ({ product }) => ({ product }),
  "products.archive": ({ product }) => ({ product })
}

/** What names nothing, or many: it shows and changes the stranger's own. */
const own: Readonly<Record<string, (owned: Owned) => Readonly<Record<string, unknown>>>> = {
  "organization.get": () => ({}),
  "organization.update": () => ({ name: "Strangers" }),
  "products.create": () => ({ key: "own", name: "Own", price: usd(100), credits: "1" }),
  "products.list": () => ({}),
  "credits.consumeMany": ({ client }) => ({ items: [{ client, ...debit }] }),
  "clients.import": ({ client }) => ({ items: [{ name: "Child", parent: client }], idempotencyKey: anId() }),
  "gateways.connect": () => ({ gateway: "sandbox" }),
  "gateways.list": () => ({}),
  "operators.invite": () => ({ email: "own@example.com", role: "OWNER" }),
  "operators.list": () => ({}),
  "sessions.list": ({ member }) => ({ member }),
  "accessTokens.list": () => ({})
}
const lists = [
  "clients.list",
  "clients.export",
  "members.list",
  "invitations.list",
  "events.list",
  "events.export",
  "raises.list",
  "orders.list",
  "payments.list"
]

const estate = async () => {
  const { id, token, ...paying } = await tenant(url)
  const must = async (name: string, input: object, sent: Sent = { token }) => {
    const { status, body } = await overTrpc(url, name, input, sent)
    assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
    return body
  }
  const named = (of: unknown, field = "id") => String((of as Readonly<Record<string, unknown>>)[field])
  const client = await paying.client()
  await paying.method(client)
  const { id: product } = await must("products.create", { key: "small", name: "S", price: usd(100), credits: "10" })
  const bought = await must("credits.purchase", { client, product: "small", idempotencyKey: anId() })
  const spent = await must("credits.consume", { client, ...debit })
  const held = await must("credits.reserve", { client, ...debit, expiresIn: 600, idempotencyKey: anId() })
  const leased = await must("credits.lease", { client, ...slice, idempotencyKey: anId() })
  await must("caps.set", { client, limit: usd(1_000) })
  const confined = { token: (await tokenOf(id, { reach: client })).text }
  const asked = await must("raises.request", { client, cap: "default", limit: usd(2_000) }, confined)
  const { items: methods } = await must("paymentMethods.list", { client })
  const { items: connections } = await must("gateways.list", {})
  await publish(id, "plan")
  const subscribed = await must("subscriptions.create", { client, plan: "plan" })
  const created = await must("accessTokens.create", { name: "Reader", scopes: ["credits:read"], client })
  const member = await must("members.create", { client, email: "ada@example.com", externalId: "ada" })
  const { items: events } = await must("events.list", { client })
  const owned: Owned = {
    client,
    hold: named(held["hold"]),
    lease: named(leased["lease"]),
    debit: named(spent["entry"]),
    grant: named(bought["entry"]),
    raise: named(asked),
    method: named((methods as ReadonlyArray<unknown>)[0]),
    connection: named((connections as ReadonlyArray<unknown>)[0]),
    product: String(product),
    order: named(bought, "order"),
    payment: named(bought, "payment"),
    subscription: named(subscribed),
    token: named(created),
    member: named(member),
    invitation: named(await must("invitations.create", { client, email: "bob@example.com" })),
    operator: named(await must("operators.invite", { email: "theirs@example.com", role: "OWNER" })),
    session: named(await must("sessions.create", { member: named(member) })),
    event: named((events as ReadonlyArray<unknown>)[0])
  }
  return { id, owned }
}

let theirs: Awaited<ReturnType<typeof estate>>
const strangers: Array<{ readonly who: string; readonly token: string; readonly client: string }> = []
beforeAll(async () => {
  theirs = await estate()
  const other = await organization()
  const sibling = await Client.create(pool, theirs)
  strangers.push(
    { who: "another organization", token: other.token, client: await Client.create(pool, other) },
    { who: "a sibling", token: (await tokenOf(theirs.id, { reach: sibling })).text, client: sibling }
  )
})

it("looks at every procedure that takes a token", () => {
  assert.sameMembers(
    [...Object.keys(naming), ...Object.keys(ofOrganization), ...Object.keys(own)],
    procedures.flatMap(([name, { scope }]) => (scope === null ? [] : [name]))
  )
})

/** Downloads are there over REST alone: over tRPC no such procedure is found. */
const downloads = new Set(procedures.flatMap(([name, { kind }]) => (kind === "download" ? [name] : [])))

describe.each(transports)("over %s", (over, call) => {
  const isThere = (name: string) => over === "REST" || !downloads.has(name)

  it("what is another's is not there, and stays as it is", async () => {
    const before = await digests(theirs.id)
    for (const { who, token, client } of strangers) {
      const all = who === "a sibling" ? naming : { ...naming, ...ofOrganization }
      for (const [name, input] of Object.entries(all)) {
        const { status, body } = await call(url, name, input(theirs.owned, client), { token })
        assert.deepStrictEqual([status, body["code"]], [404, "resource_not_found"], `${name}, for ${who}`)
      }
    }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("what names nothing shows and changes the stranger's own", async () => {
    const before = await digests(theirs.id)
    const [{ token } = { token: "" }] = strangers
    const listed = lists.filter(isThere)
    const asked = [...Object.entries(own), ...listed.map((name) => [name, () => ({})] as const)]
    for (const [name, input] of asked) {
      const { status, body } = await call(url, name, input(theirs.owned), { token })
      assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
      if (["credits.consumeMany", "clients.import"].includes(name))
        assert.include(JSON.stringify(body), "resource_not_found")
      else
        for (const id of [theirs.id, ...Object.values(theirs.owned)]) assert.notInclude(JSON.stringify(body), id, name)
    }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("lists of a token that is confined show nothing beside it", async () => {
    const [, { token } = { token: "" }] = strangers
    for (const name of [
      ...lists.filter(isThere),
      "gateways.list",
      "operators.list",
      "sessions.list",
      "accessTokens.list"
    ]) {
      const { status, body } = await call(url, name, {}, { token })
      assert.strictEqual(status, 200, name)
      for (const id of Object.values(theirs.owned)) assert.notInclude(JSON.stringify(body), id, name)
    }
  })

  it("a token that is confined changes nothing of the organization", async () => {
    const before = await digests(theirs.id)
    const [, { token } = { token: "" }] = strangers
    for (const name of [
      "organization.update",
      "operators.invite",
      "products.create",
      "products.archive",
      "gateways.connect"
    ]) {
      const input = { ...ofOrganization, ...own }[name]?.(theirs.owned, "")
      const { status, body } = await call(url, name, { ...input }, { token })
      assert.deepStrictEqual([status, body["code"]], [422, "not_admissible"], `${name}: ${JSON.stringify(body)}`)
    }
    assert.deepStrictEqual(await digests(theirs.id), before)
  })

  it("a token without scopes may call nothing, and no token even less", async () => {
    const { text } = await tokenOf(theirs.id, { scopes: [] })
    for (const [name, input] of Object.entries({ ...naming, ...ofOrganization, ...own })) {
      if (!isThere(name)) continue
      const asked = input(theirs.owned, theirs.owned.client)
      assert.strictEqual((await call(url, name, asked, { token: text })).status, 403, name)
      assert.strictEqual((await call(url, name, asked)).status, 401, name)
    }
  })
})
