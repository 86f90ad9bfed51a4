import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import type { Log } from "../src/Log.ts"
import * as Serving from "./Serving.ts"

const lines: Array<string> = []
const note = (...line: ReadonlyArray<unknown>) =>
  void lines.push(JSON.stringify(line, (_, value: unknown) => (value instanceof Error ? value.stack : value)))
const log: Log = { say: note, request: note, defect: note, close: async () => {} }

const { url } = await Serving.start({ log })

type Item = Readonly<Record<string, unknown>>
const itemsOf = ({ body }: Serving.Answer) => body["items"] as ReadonlyArray<Item>

describe.each(Serving.transports)("over %s", (_, call) => {
  it("a provider is connected, listed and disconnected, and its secret is never answered", async () => {
    const own = await Serving.organization()
    const secret = `whsec_${Buffer.alloc(32, 9).toString("base64")}`
    const made = await call(url, "gateways.connect", { gateway: "sandbox", name: "Ours", secret }, own)
    assert.isTrue(made.status < 300, JSON.stringify(made.body))
    const { id } = made.body
    assert.deepInclude(made.body, {
      gateway: "sandbox",
      name: "Ours",
      disconnectedAt: null,
      notices: `/hooks/${String(id)}`
    })
    const listed = await call(url, "gateways.list", {}, own)
    assert.deepStrictEqual(itemsOf(listed), [made.body])
    const ended = await call(url, "gateways.disconnect", { connection: id }, own)
    assert.strictEqual(ended.status, 200)
    assert.isString(ended.body["disconnectedAt"])
    assert.notInclude(JSON.stringify([made, listed, ended].map(({ body }) => body)), secret)
    const refused = await call(url, "gateways.connect", { gateway: "sandbox", secret: "sk_live_1" }, own)
    assert.deepStrictEqual([refused.status, refused.body["code"]], [422, "not_admissible"])
    assert.deepInclude(refused.body["details"], { reason: "gateway_refused", field: "secret" })
    const none = await call(url, "gateways.connect", { gateway: "sandbox", secret: "sandbox_unreachable" }, own)
    assert.deepStrictEqual([none.status, none.body["code"]], [502, "upstream_error"])
  })

  it("a method is entered, listed, made the default and removed", async () => {
    const own = await Serving.organization()
    const client = await Client.create(Serving.pool, own)
    await call(url, "gateways.connect", { gateway: "sandbox" }, own)
    const begun = await call(url, "paymentMethods.setup", { client }, own)
    assert.deepStrictEqual([begun.status, begun.body["method"]], [200, null], JSON.stringify(begun.body))
    const { reference } = begun.body["setUp"] as Item
    const enter = async (input: Item) => {
      const { body } = await call(url, "paymentMethods.setup", { client, ...input }, own)
      return body["method"] as Item
    }
    const first = await enter({ reference })
    assert.deepInclude(first, { client, type: "card", brand: "visa", last4: "4242", isDefault: true, failedAt: null })
    assert.notProperty(first, "reference")
    const second = await enter({ reference: "sandbox_decline_funds" })
    assert.deepInclude(second, { isDefault: false, last4: "9995" })
    const chosen = await call(url, "paymentMethods.setDefault", { client, method: second["id"] }, own)
    assert.deepStrictEqual(chosen.body, { ...second, isDefault: true })
    const removed = await call(url, "paymentMethods.remove", { client, method: second["id"] }, own)
    assert.isString(removed.body["removedAt"])
    const listed = await call(url, "paymentMethods.list", { client }, own)
    assert.deepStrictEqual(itemsOf(listed), [first])
    const unknown = await call(url, "paymentMethods.remove", { client, method: Serving.anId() }, own)
    assert.deepStrictEqual(
      [unknown.status, unknown.body["details"]],
      [404, { what: "paymentMethod", id: (unknown.body["details"] as Item)["id"] }]
    )
  })

  it("the number of a card is refused, and stands in no answer, no log and no table", async () => {
    const own = await Serving.organization()
    const client = await Client.create(Serving.pool, own)
    await call(url, "gateways.connect", { gateway: "sandbox" }, own)
    for (const reference of ["4242424242424242", "5555 5555 5555 4444", "3782-822463-10005"]) {
      const refused = await call(url, "paymentMethods.setup", { client, reference }, own)
      assert.deepStrictEqual([refused.status, refused.body["code"]], [400, "invalid_request"])
      assert.include(String(refused.body["message"]), "number of a card")
      for (const told of [JSON.stringify(refused.body), ...lines]) assert.notInclude(told, reference)
    }
    const { rows } = await Serving.pool.query("select reference from sandbox_method where organization_id = $1", [
      own.id
    ])
    assert.deepStrictEqual(rows, [])
  })

  it("a token without the scope may do nothing of this, and one confined to a client no more than its own", async () => {
    const own = await Serving.organization()
    const client = await Client.create(Serving.pool, own)
    const other = await Client.create(Serving.pool, own)
    await call(url, "gateways.connect", { gateway: "sandbox" }, own)
    const reader = { token: (await Serving.tokenOf(own.id, { scopes: ["spending:read", "organization:read"] })).text }
    const method = Serving.anId()
    for (const [name, input] of [
      ["gateways.connect", { gateway: "sandbox" }],
      ["gateways.disconnect", { connection: Serving.anId() }],
      ["paymentMethods.setup", { client }],
      ["paymentMethods.setDefault", { client, method }],
      ["paymentMethods.remove", { client, method }]
    ] as const)
      assert.strictEqual((await call(url, name, input, reader)).status, 403, name)
    const confined = { token: (await Serving.tokenOf(own.id, { reach: client })).text }
    const entered = await call(url, "paymentMethods.setup", { client, reference: "sandbox_succeed" }, confined)
    assert.strictEqual(entered.status, 200, JSON.stringify(entered.body))
    assert.strictEqual((await call(url, "paymentMethods.list", { client: other }, confined)).status, 404)
    assert.strictEqual((await call(url, "paymentMethods.setup", { client: other }, confined)).status, 404)
    assert.deepStrictEqual(itemsOf(await call(url, "gateways.list", {}, confined)), [])
    assert.strictEqual((await call(url, "gateways.connect", { gateway: "sandbox" }, confined)).status, 422)
  })
})
