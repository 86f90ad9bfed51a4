/** Each procedure that moves money, or decides how it moves, does so once for a key, and not for another payload. */
import { procedures } from "@capstan/contract"
import { assert, describe, it } from "vitest"
import { tenant } from "./Paying.ts"
import { anId, type Input, pool, start, transports } from "./Serving.ts"

const { url } = await start()
const usd = (amount: number) => ({ amount, currency: "USD" })
const groups = ["products", "recharge", "gateways", "paymentMethods", "orders"]
const others = ["credits.purchase", "credits.adjust", "credits.revokeGrant", "clients.billing.update"]

describe.each(transports)("over %s", (_, call) => {
  it("a key is of one payload", async () => {
    const own = await tenant(url)
    const must = async (name: string, input: Input) => {
      const { status, body } = await call(url, name, input, own)
      assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
      return body
    }
    const client = await own.client()
    await own.pack("credits", 10n)
    await own.method(client)
    const enter = async (kind: string) =>
      (await must("paymentMethods.setup", { client, reference: `sandbox_${kind}.${anId()}` }))["method"] as {
        readonly id: string
      }
    const [method, spare, spent] = [await enter("succeed"), await enter("succeed"), await enter("succeed")]
    const buying = { client, product: "credits", quantity: 100, idempotencyKey: anId() }
    const { order } = await must("credits.purchase", buying)
    const { entry } = await must("credits.adjust", { client, amount: "5", reason: "gift", idempotencyKey: anId() })
    const { id: grant } = entry as { readonly id: string }
    const setting = { client, enabled: true, consent: true, threshold: "1", amount: "100", pack: "credits" }
    const stopped = await own.client()
    await own.method(stopped, `sandbox_succeed.${anId()}`)
    await must("recharge.configure", { ...setting, client: stopped })
    await pool.query(
      "update auto_recharge set phase = 'stopped', stopped_at = now(), due_at = null where client_id = $1",
      [stopped]
    )

    /** What is asked first, and what is not to be done under its key. */
    const asked: Readonly<Record<string, readonly [first: Input, other: Input]>> = {
      "credits.purchase": [
        { client, product: "credits", quantity: 50 },
        { client, product: "credits", quantity: 51 }
      ],
      "credits.adjust": [
        { client, amount: "1", reason: "gift" },
        { client, amount: "2", reason: "gift" }
      ],
      "credits.revokeGrant": [
        { entry: grant, amount: "1" },
        { entry: grant, amount: "2" }
      ],
      "clients.billing.update": [
        { client, lowBalance: "1" },
        { client, lowBalance: "2" }
      ],
      "products.create": [
        { key: "big", name: "Big", price: usd(1_000), credits: "10" },
        { key: "big", name: "Big", price: usd(1), credits: "10" }
      ],
      "products.archive": [{ product: "big" }, { product: "credits" }],
      "recharge.configure": [
        { ...setting, maxPerDay: usd(2_000) },
        { ...setting, maxPerDay: usd(3_000) }
      ],
      "recharge.rearm": [{ client: stopped }, { client }],
      "gateways.connect": [
        { gateway: "sandbox", name: "One" },
        { gateway: "sandbox", name: "Two" }
      ],
      "paymentMethods.setup": [{ client }, { client, default: true }],
      "paymentMethods.setDefault": [
        { client, method: method.id },
        { client, method: spare.id }
      ],
      "paymentMethods.remove": [
        { client, method: spent.id },
        { client, method: spare.id }
      ],
      "orders.refund": [
        { order, amount: usd(100) },
        { order, amount: usd(101) }
      ]
    }
    const starred = procedures.flatMap(([name, { kind, idempotency }]) =>
      kind === "mutation" &&
      idempotency !== "none" &&
      (groups.includes(name.split(".")[0] ?? "") || others.includes(name))
        ? [name]
        : []
    )
    assert.sameMembers(Object.keys(asked), starred)
    for (const [name, [first, other]] of Object.entries(asked)) {
      const idempotencyKey = anId()
      const done = await must(name, { ...first, idempotencyKey })
      const refused = await call(url, name, { ...other, idempotencyKey }, own)
      assert.deepStrictEqual([name, refused.status, refused.body["code"]], [name, 409, "idempotency_conflict"])
      const again = await must(name, { ...first, idempotencyKey })
      assert.deepStrictEqual({ ...again, replayed: true }, { ...done, replayed: true }, name)
    }
  })
})
