import { Sandbox } from "@capstan/payments"
import { Database as Store, Doctor } from "@capstan/store"
import { Client, Database } from "@capstan/testing"
import { afterAll, assert, describe, it } from "vitest"
import * as Serving from "./Serving.ts"

const { url } = await Serving.start()
const database = Store.connect(Database.url, { max: 2 })
afterAll(database.close)

type Item = Readonly<Record<string, unknown>>
const itemsOf = ({ body }: Serving.Answer) => body["items"] as ReadonlyArray<Item>

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`
const price = { amount: 1_000, currency: "USD" }

describe.each(Serving.transports)("over %s", (_, call) => {
  const must = async (at: string, name: string, input: Serving.Input, own: Serving.Sent): Promise<Item> => {
    const answer = await call(at, name, input, own)
    assert.isTrue(answer.status < 300, `${name}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  const tenant = async (behaviour = "sandbox_succeed") => {
    const own = await Serving.organization()
    const client = await Client.create(Serving.pool, own)
    const { id: connection } = await must(url, "gateways.connect", { gateway: "sandbox", secret }, own)
    await must(url, "paymentMethods.setup", { client, reference: behaviour }, own)
    const small = { key: "small", name: "A hundred", price, credits: "100" }
    const product = await must(url, "products.create", { ...small, idempotencyKey: Serving.anId() }, own)
    const buy = (over: Serving.Input = {}) =>
      call(url, "credits.purchase", { client, product: "small", idempotencyKey: Serving.anId(), ...over }, own)
    return { own, client, connection: String(connection), product, buy }
  }

  const isWell = async ({ id }: { readonly id: string }) => {
    const findings = await Doctor.examine(database, () => {}, id)
    assert.deepStrictEqual(
      findings.flatMap(({ name, examples }) => examples.map((example) => ({ name, ...example }))),
      []
    )
  }

  it("a product has versions, which stay as they are, and is archived", async () => {
    const { own, product } = await tenant()
    assert.deepInclude(product, { type: "credit_pack", version: 1, credits: "100", unitPrice: "10", lasts: null })
    const dearer = { key: "small", name: "A hundred", price: { ...price, amount: 1_200 }, credits: 100 }
    const second = await must(url, "products.create", dearer, own)
    assert.deepInclude(second, { version: 2, unitPrice: "12" })
    assert.deepStrictEqual(await must(url, "products.get", { product: "small" }, own), second)
    assert.deepStrictEqual(await must(url, "products.get", { product: product["id"] }, own), product)
    assert.deepStrictEqual(itemsOf(await call(url, "products.list", {}, own)), [second])
    assert.deepStrictEqual(itemsOf(await call(url, "products.list", { key: "small" }, own)), [second, product])
    assert.isString((await must(url, "products.archive", { product: "small" }, own))["archivedAt"])
    assert.deepStrictEqual(itemsOf(await call(url, "products.list", { status: "active" }, own)), [])
    const other = await Serving.organization()
    assert.strictEqual((await call(url, "products.get", { product: product["id"] }, other)).status, 404)
  })

  it("credits are bought, listed, refunded, and the answers to a key stay the same", async () => {
    const { own, client, product, buy } = await tenant()
    const idempotencyKey = Serving.anId()
    const bought = await buy({ quantity: 2, idempotencyKey })
    assert.isTrue(bought.status < 300, JSON.stringify(bought.body))
    const { order, payment } = bought.body
    assert.deepInclude(bought.body, { payer: client, credits: "200", total: { amount: 2_000, currency: "USD" } })
    const found = await must(url, "orders.get", { order }, own)
    assert.deepInclude(found, { status: "paid", reason: "purchase", client, reference: idempotencyKey })
    assert.deepStrictEqual(found["lines"], [
      {
        description: "2 x A hundred",
        product: { id: product["id"], key: "small", version: 1 },
        credits: "200",
        unitPrice: "10",
        amount: { amount: 2_000, currency: "USD" }
      }
    ])
    const refunding = { order, amount: { amount: 500, currency: "USD" }, idempotencyKey: Serving.anId() }
    const refunded = await must(url, "orders.refund", refunding, own)
    assert.deepInclude(refunded, { kind: "refund", status: "succeeded", credits: "50", taken: "50", owed: "0" })
    assert.deepStrictEqual(await must(url, "orders.refund", refunding, own), refunded)
    assert.deepStrictEqual((await buy({ quantity: 2, idempotencyKey })).body, bought.body)
    const paid = await must(url, "payments.get", { payment }, own)
    assert.deepInclude(paid, { order, status: "succeeded", refunded: { amount: 500, currency: "USD" } })
    assert.deepStrictEqual(paid["reversals"], [refunded])
    for (const [name, filters, hits] of [
      ["orders.list", {}, 1],
      ["orders.list", { client, reason: "purchase", status: "partially_refunded" }, 1],
      ["orders.list", { status: "pending" }, 0],
      ["payments.list", { client, order, status: "succeeded" }, 1],
      ["payments.list", { status: "declined" }, 0]
    ] as const)
      assert.strictEqual(itemsOf(await call(url, name, filters, own)).length, hits, JSON.stringify([name, filters]))
    for (const [amount, currency, reason, field] of [
      [1_501, "USD", "not_refundable", "amount"],
      [1, "EUR", "currency_differs", "amount.currency"]
    ] as const) {
      const asked = { order, amount: { amount, currency }, idempotencyKey: Serving.anId() }
      const beyond = await call(url, "orders.refund", asked, own)
      assert.deepStrictEqual([beyond.status, beyond.body["code"]], [422, "not_admissible"])
      assert.deepInclude(beyond.body["details"], { reason, field })
    }
    await isWell(own)
  })

  it("a list goes on where it was, and shows nobody else's", async () => {
    const { own, client, buy } = await tenant()
    for (let n = 0; n < 3; n++) await buy()
    for (const name of ["orders.list", "payments.list"]) {
      const first = await call(url, name, { limit: 2 }, own)
      const rest = await call(url, name, { limit: 2, cursor: first.body["nextCursor"] }, own)
      assert.deepStrictEqual([itemsOf(first).length, itemsOf(rest).length, rest.body["nextCursor"]], [2, 1, null])
      const stranger = await Client.create(Serving.pool, own)
      const confined = { ...own, token: (await Serving.tokenOf(own.id, { reach: stranger })).text }
      assert.deepStrictEqual(itemsOf(await call(url, name, {}, confined)), [])
      assert.strictEqual((await call(url, name, { client }, confined)).status, 404)
      const mine = { ...own, token: (await Serving.tokenOf(own.id, { reach: client })).text }
      assert.strictEqual(itemsOf(await call(url, name, {}, mine)).length, 3)
    }
  })

  it("a purchase that fails says why, in the provider's terms", async () => {
    for (const [behaviour, status, code, details] of [
      ["sandbox_decline_funds", 402, "payment_failed", { reason: "funds" }],
      ["sandbox_decline_authentication", 402, "payment_action_required", {}],
      ["sandbox_timeout_after_charging", 503, "outcome_unknown", { retryAfterMs: 2_000 }]
    ] as const) {
      const { own, client, buy } = await tenant(behaviour)
      const idempotencyKey = Serving.anId()
      const answer = await buy({ idempotencyKey })
      assert.deepStrictEqual([answer.status, answer.body["code"]], [status, code], JSON.stringify(answer.body))
      assert.deepInclude(answer.body["details"], details)
      const [order] = itemsOf(await call(url, "orders.list", { client }, own))
      assert.strictEqual(order?.["status"], "pending")
      if (code === "outcome_unknown") assert.strictEqual((await buy({ idempotencyKey })).status < 300, true)
      if (code === "payment_action_required") assert.isString((answer.body["details"] as Item)["actionUrl"])
      await isWell(own)
    }
    const { buy } = await tenant()
    assert.strictEqual((await buy({ quantity: 1_001 })).status, 400)
    assert.strictEqual((await buy({ idempotencyKey: undefined })).status, 400)
    assert.deepInclude((await buy({ product: "none" })).body, { code: "resource_not_found" })
  })

  it("grants are revoked and balances set right, with a reason", async () => {
    const own = await Serving.organization()
    const client = await Client.create(Serving.pool, own)
    const key = () => ({ idempotencyKey: Serving.anId() })
    const up = await must(url, "credits.adjust", { client, amount: "12.5", reason: "goodwill", ...key() }, own)
    const { id: entry } = up["entry"] as Item
    const down = await must(url, "credits.adjust", { client, amount: -2, reason: "counted twice", ...key() }, own)
    assert.deepInclude(down["entry"], { kind: "revocation", amount: "2", balance: "10.5" })
    const revoked = await must(url, "credits.revokeGrant", { entry, amount: "4", reason: "a mistake", ...key() }, own)
    assert.deepInclude(revoked["entry"], { kind: "revocation", amount: "4", balance: "6.5" })
    const beyond = await call(url, "credits.adjust", { client, amount: "-7", reason: "all", ...key() }, own)
    assert.deepStrictEqual([beyond.status, beyond.body["code"]], [402, "insufficient_credits"])
    const nothing = await call(url, "credits.adjust", { client, amount: 0, reason: "none", ...key() }, own)
    assert.strictEqual(nothing.status, 400)
    const { rows } = await Serving.pool.query(
      "select kind, payload->>'reason' as reason from event where organization_id = $1 and kind like 'credits.%' order by number",
      [own.id]
    )
    assert.deepStrictEqual(
      rows.map(({ kind, reason }) => `${kind}: ${reason}`),
      ["credits.adjusted: goodwill", "credits.adjusted: counted twice", "credits.revoked: a mistake"]
    )
    await isWell(own)
  })

  it("what the provider tells is taken once, if it is signed", async () => {
    const { own, client, connection, buy } = await tenant()
    const { body } = await buy()
    const { reference } = await must(url, "payments.get", { payment: body["payment"] }, own)
    const signed = await Sandbox.chargeBack(database, { organization: own.id, secret }, String(reference))
    const send = async (to: string, over: { readonly body?: string; readonly headers?: Item } = {}) => {
      const answer = await fetch(`${url}/hooks/${to}`, { method: "POST", ...signed, ...(over as object) })
      return { status: answer.status, body: (await answer.json()) as Item }
    }
    const unsigned = [
      await send(connection, { body: signed.body.replace("1000", "999") }),
      await send(connection, { headers: { "content-type": "application/json" } }),
      await send(Serving.anId()),
      await send("nobody"),
      await send(connection, { body: "{" })
    ]
    for (const { status, body: told } of unsigned) {
      assert.strictEqual(status, 401)
      assert.deepStrictEqual({ ...told, requestId: "" }, { ...unsigned[0]?.body, requestId: "" })
    }
    const big = await send(connection, { body: `"${"x".repeat(1_100_000)}"` })
    assert.strictEqual(big.status, 400)
    for (let n = 0; n < 2; n++)
      assert.deepStrictEqual(await send(connection), { status: 200, body: { received: true } })
    const balance = await must(url, "credits.balance", { client }, own)
    assert.deepInclude(balance, { balance: "0", debt: "0" })
    const [order] = itemsOf(await call(url, "orders.list", {}, own))
    assert.strictEqual(order?.["status"], "refunded")
    await isWell(own)
  })
})
