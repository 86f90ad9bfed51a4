import { assert, describe, it } from "@effect/vitest"
import { procedures } from "@capstan/contract"
import { Client } from "@capstan/testing"
import { parse } from "csv-parse/sync"
import { cases, once, own, url } from "./Mutations.ts"
import { publish } from "./Plans.ts"
import { anId, organization, overRest, overTrpc, pool, tokenOf, transports } from "./Serving.ts"

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

/** What the ledger tells of: debits, holds and leases. */
const entries = [
  "credits.consume",
  "credits.consumeMany",
  "credits.reserve",
  "credits.capture",
  "credits.release",
  "credits.lease",
  "credits.renewLease",
  "credits.settleLease"
]

const mutations = procedures.flatMap(([name, { kind, scope }]) =>
  kind === "mutation" && scope !== null && !entries.includes(name) ? [name] : []
)

/** Without what was entered, a set-up only begins, and nothing is attached yet. */
const more: Readonly<Record<string, object>> = {
  "paymentMethods.setup": { reference: `sandbox_succeed.${anId()}` }
}

/** Those open to everybody come by a link, and by no token. */
describe.each(mutations)("%s", (name) => {
  it("leaves an event that names its token, what it is of, and who did it", async () => {
    const make = cases[name]
    assert.isDefined(make, `${name} has no case`)
    const [input] = (await make?.()) ?? [{}]
    const { id: token, text } = await tokenOf(own.id)
    const { status, body } = await overTrpc(url, name, { ...input, ...more[name], ...once() }, { token: text })
    assert.isBelow(status, 300, JSON.stringify(body))
    const { items } = await listed(own.token, { token })
    assert.isNotEmpty(items)
    for (const event of items) {
      assert.isNotNull(event["object"], event.kind)
      assert.deepInclude(event["actor"], { type: "token", id: token, name: "Test" }, event.kind)
    }
  })
})

describe.each(entries.filter((name) => name in cases))("%s", (name) => {
  it("is in the ledger, and leaves no event", async () => {
    const [input] = (await cases[name]?.()) ?? [{}]
    const { id: token, text } = await tokenOf(own.id)
    const { status, body } = await overTrpc(url, name, { ...input, ...once() }, { token: text })
    assert.isBelow(status, 300, JSON.stringify(body))
    assert.isEmpty((await listed(own.token, { token })).items)
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

  it("says what began, and what it was that ended", async () => {
    const own = await organization()
    const reader = { name: "Reader", scopes: ["credits:read"] }
    const { body } = await overTrpc(url, "accessTokens.create", reader, own)
    await overTrpc(url, "accessTokens.delete", { token: body["id"] }, own)
    const [revoked, created] = (await listed(own.token, { kind: "access_token." })).items
    assert.deepInclude(created, { kind: "access_token.created", before: null, payload: {} })
    assert.deepNestedInclude(created, { "after.name": "Reader", "after.scopes": ["credits:read"] })
    assert.deepInclude(revoked, { kind: "access_token.revoked", after: null, payload: {} })
    assert.nestedPropertyVal(revoked, "before.name", "Reader")
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
