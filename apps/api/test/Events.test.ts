import { assert, describe, it } from "@effect/vitest"
import { Client } from "@capstan/testing"
import { parse } from "csv-parse/sync"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import { anId, organization, overRest, overTrpc, pool, type Sent, start, tokenOf, transports } from "./Serving.ts"

const { url } = await start()

interface Event extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly kind: string
  readonly number: number
  readonly token: string | null
}

const listed = async (token: string, asked: object = {}) => {
  const { status, body } = await overTrpc(url, "events.list", { limit: 100, ...asked }, { token })
  assert.strictEqual(status, 200, JSON.stringify(body))
  return body as unknown as { readonly items: ReadonlyArray<Event>; readonly nextCursor: string | null }
}

const named = (of: unknown, field: string) => String((of as Readonly<Record<string, unknown>>)[field])

const usd = (amount: number) => ({ amount, currency: "USD" })

describe("every mutation", () => {
  it("leaves an event that names its token, what it is of, and who did it", async () => {
    const { id, ...paying } = await tenant(url)
    const { id: mine, text: token } = await tokenOf(id)
    const seen = new Set<string>()
    const known = new Set((await listed(token)).items.map((event) => event.id))
    const act = async (name: string, input: object, sent: Sent = { token }, expected = mine) => {
      const { status, body } = await overTrpc(url, name, input, sent)
      assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
      const fresh = (await listed(token)).items.filter((event) => !known.has(event.id))
      for (const event of fresh) known.add(event.id)
      const own = fresh.filter((event) => event.token === expected)
      assert.isNotEmpty(own, name)
      for (const event of own) {
        assert.isNotNull(event["object"], event.kind)
        assert.deepInclude(event["actor"], { type: "token", id: expected, name: "Test" }, event.kind)
      }
      seen.add(name)
      return body
    }

    await act("organization.update", { name: "Other" })
    const client = await paying.client()
    const { id: parent } = await act("clients.create", { name: "Parent", currency: "USD", timeZone: "UTC" })
    const { id: child } = await act("clients.create", { name: "Child", currency: "USD", timeZone: "UTC" })
    await act("clients.completeOnboarding", { client: child })
    await act("clients.update", { client: child, name: "Renamed" })
    await act("clients.upsert", { externalId: "crm-1", name: "Upserted", currency: "USD", timeZone: "UTC" })
    await act("clients.suspend", { client: child, reason: "price" })
    await act("clients.reactivate", { client: child })
    await act("clients.move", { client: child, parent })
    await act("clients.detach", { client: child })
    await act("clients.billing.update", { client, lowBalance: "5" })
    const { id: product } = await act("products.create", { key: "small", name: "S", price: usd(100), credits: "10" })
    await paying.method(client)
    await act("paymentMethods.setup", { client, reference: "sandbox_succeed.other" })
    const { body: methods } = await overTrpc(url, "paymentMethods.list", { client }, { token })
    const attached = (methods["items"] as ReadonlyArray<{ id: string; isDefault: boolean }>).find(
      ({ isDefault }) => !isDefault
    )
    await act("paymentMethods.setDefault", { client, method: attached?.id })
    const bought = await act("credits.purchase", { client, product: "small", idempotencyKey: anId() })
    const granted = await act("credits.grant", { client, kind: "extra", amount: "5", idempotencyKey: anId() })
    await act("credits.revokeGrant", { entry: named(granted["entry"], "id"), idempotencyKey: anId() })
    await act("credits.adjust", { client, amount: "1", reason: "goodwill", idempotencyKey: anId() })
    const debit = { client, amount: "1", idempotencyKey: anId() }
    const { body: spent } = await overTrpc(url, "credits.consume", debit, { token })
    await act("credits.reverse", { entry: named(spent["entry"], "id"), idempotencyKey: anId() })
    await act("caps.set", { client, limit: usd(1_000) })
    await act("caps.resetWindow", { client, name: "default" })
    const confined = await tokenOf(id, { reach: client })
    const raise = { client, cap: "default", limit: usd(2_000) }
    const asked = await act("raises.request", raise, { token: confined.text }, confined.id)
    await act("raises.approve", { raise: asked["id"] })
    const again = await act("raises.request", { ...raise, limit: usd(3_000) }, { token: confined.text }, confined.id)
    await act("raises.decline", { raise: again["id"] })
    await act("caps.remove", { client, name: "default" })
    await act("recharge.configure", {
      client,
      enabled: true,
      threshold: "1",
      amount: "10",
      pack: "small",
      consent: true
    })
    await act("recharge.configure", { client, enabled: false })
    await act("orders.refund", { order: bought["order"], idempotencyKey: anId() })
    await act("paymentMethods.remove", { client, method: attached?.id })
    await act("products.archive", { product })
    await publish(id, "plan")
    await act("subscriptions.create", { client, plan: "plan" })
    const created = await act("accessTokens.create", { name: "Reader", scopes: ["credits:read"] })
    await act("accessTokens.delete", { token: created["id"] })
    const connected = await act("gateways.connect", { gateway: "sandbox" })
    await act("gateways.disconnect", { connection: connected["id"] })

    assert.isAbove(seen.size, 30)
  })
})

const planted = async () => {
  const own = await organization()
  const act = async (name: string, input: object, token = own.token) => {
    const { status, body } = await overTrpc(url, name, input, { token })
    assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
    return String(body["id"])
  }
  const above = await Client.create(pool, own, { name: "above" })
  const below = await Client.create(pool, own, { name: "below", parent: above })
  const beside = await Client.create(pool, own, { name: "beside" })
  for (const client of [above, below, beside]) {
    await act("clients.suspend", { client, reason: "price", note: "=1+1" })
    await act("clients.reactivate", { client })
  }
  await act("caps.set", { client: below, limit: { amount: 100, currency: "USD" } })
  await act("organization.update", { name: "Other" })
  return { ...own, act, above, below, beside }
}

describe("the log", () => {
  it("is newest first, the same by pages of any size", async () => {
    const { token } = await planted()
    const whole = (await listed(token)).items
    assert.strictEqual(whole.length, 8)
    assert.strictEqual(whole[0]?.kind, "organization.updated")
    for (const limit of [1, 3, 7]) {
      const seen: Array<string> = []
      for (let cursor: string | null = null; ;) {
        const page: Awaited<ReturnType<typeof listed>> = await listed(token, {
          limit,
          ...(cursor === null ? {} : { cursor })
        })
        seen.push(...page.items.map(({ id }) => id))
        if (page.nextCursor === null) break
        cursor = page.nextCursor
      }
      assert.deepStrictEqual(
        seen,
        whole.map(({ id }) => id)
      )
    }
  })

  it("says how it was before and after", async () => {
    const { token, below } = await planted()
    const [{ before, after, payload, ...suspended } = {} as Event] = (
      await listed(token, { client: below, kind: "client.suspended" })
    ).items
    assert.deepInclude(suspended, { kind: "client.suspended", number: 1, object: { type: "client", id: below } })
    assert.deepStrictEqual([before, after], [{ status: "active" }, { status: "suspended" }])
    assert.nestedPropertyVal(payload, "suspension.reason", "price")
    const [set] = (await listed(token, { kind: "cap.set" })).items
    assert.isNull(set?.["before"])
    assert.nestedPropertyVal(set, "after.name", "default")
    assert.deepStrictEqual(set?.["object"], { type: "cap", id: named(set?.["after"], "cap") })
    const { body } = await overRest(url, "events.get", { event: set?.id }, { token })
    assert.deepStrictEqual(body, set as object)
  })

  it("says so of a subscription, too", async () => {
    const own = await organization()
    await publish(own.id, "plan")
    const client = await Client.create(pool, own, { onboarded: false })
    await overTrpc(url, "subscriptions.create", { client, plan: "plan" }, own)
    await overTrpc(url, "clients.completeOnboarding", { client }, own)
    const changes = (await listed(own.token, { client, kind: "subscription." })).items
      .filter(({ before, after }) => before !== null || after !== null)
      .map(({ before, after }) => [before, after])
    assert.deepStrictEqual(changes.toReversed(), [
      [null, { status: "incomplete" }],
      [{ status: "incomplete" }, { status: "active" }]
    ])
  })

  it("takes every filter, alone and together", async () => {
    const { token, id, above, below, beside } = await planted()
    const count = async (asked: object) => (await listed(token, asked)).items.length
    const [cap] = (await listed(token, { kind: "cap.set" })).items
    const [{ at, token: by }] = (await listed(token)).items as unknown as [{ at: string; token: string }]
    assert.strictEqual(await count({ client: below }), 3)
    assert.strictEqual(await count({ client: above }), 2)
    assert.strictEqual(await count({ client: above, subtree: true }), 5)
    assert.strictEqual(await count({ kind: "client." }), 6)
    assert.strictEqual(await count({ kind: "client.suspended" }), 3)
    assert.strictEqual(await count({ kind: ["client.suspended", "cap."] }), 4)
    assert.strictEqual(await count({ kind: "client.suspended", client: beside }), 1)
    assert.strictEqual(await count({ kind: "clien." }), 0)
    assert.strictEqual(await count({ token: by }), 8)
    assert.strictEqual(await count({ token: anId() }), 0)
    assert.strictEqual(await count({ actor: `token:${by}` }), 8)
    assert.strictEqual(await count({ actor: ["cli", "system:worker"] }), 0)
    assert.strictEqual(await count({ object: below }), 2)
    assert.strictEqual(await count({ object: named(cap?.["object"], "id") }), 1)
    assert.strictEqual(await count({ object: id }), 1)
    assert.strictEqual((await count({ to: at })) + (await count({ from: at })), 8)
    for (const kind of ["client", "client.*", "%", "Client.suspended"]) {
      const { status } = await overTrpc(url, "events.list", { kind }, { token })
      assert.strictEqual(status, 400, kind)
    }
    assert.strictEqual((await overTrpc(url, "events.list", { client: "ext:nobody" }, { token })).status, 404)
  })

  it("over REST takes the same", async () => {
    const { token, above } = await planted()
    const ask = async (query: string) => {
      const response = await fetch(`${url}/v1/events?${query}`, { headers: { authorization: `Bearer ${token}` } })
      return ((await response.json()) as { readonly items: ReadonlyArray<Event> }).items.length
    }
    assert.strictEqual(await ask(`client=${above}&subtree=true&kind=client.&kind=cap.set`), 5)
    assert.strictEqual(await ask(`client=${above}&subtree=false`), 2)
  })

  it("a token confined to a client sees those of its subtree, and none of the organization's own", async () => {
    const { id, token, above, below, beside } = await planted()
    const { text } = await tokenOf(id, { reach: above })
    const seen = (await listed(text)).items
    assert.sameMembers([...new Set(seen.map(({ client }) => client))], [above, below])
    assert.strictEqual(seen.length, 5)
    assert.isTrue(seen.every(({ actor }) => (actor as { name: unknown }).name === null))
    for (const { id: event, client } of (await listed(token)).items) {
      const { status } = await overTrpc(url, "events.get", { event }, { token: text })
      assert.strictEqual(status, client === above || client === below ? 200 : 404)
    }
    assert.strictEqual((await overTrpc(url, "events.list", { client: beside }, { token: text })).status, 404)
  })

  it("is exported as CSV that is no formula", async () => {
    const { token, below } = await planted()
    const response = await fetch(`${url}/v1/events/export?client=${below}`, {
      headers: { authorization: `Bearer ${token}` }
    })
    assert.strictEqual(response.headers.get("content-disposition"), 'attachment; filename="events.csv"')
    const rows = parse(await response.text(), { columns: true }) as ReadonlyArray<Readonly<Record<string, string>>>
    assert.deepStrictEqual(
      rows.map(({ Kind, Number: number, "Actor Name": name }) => [Kind, number, name]),
      [
        ["cap.set", "3", "Test"],
        ["client.reactivated", "2", "Test"],
        ["client.suspended", "1", "Test"]
      ]
    )
    assert.deepStrictEqual(JSON.parse(rows[2]?.["After"] ?? ""), { status: "suspended" })
  })
})

describe.each(transports)("over %s", (_, call) => {
  it("takes a scope of its own", async () => {
    const { id } = await organization()
    const { text } = await tokenOf(id, { scopes: ["clients:write"] })
    assert.strictEqual((await call(url, "events.list", {}, { token: text })).status, 403)
  })
})
