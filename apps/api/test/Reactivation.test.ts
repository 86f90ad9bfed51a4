/** Reactivations over the wire: what is previewed is what is charged, and each way to refuse has its status. */
import { assert, describe, it } from "vitest"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import * as Serving from "./Serving.ts"

const { url } = await Serving.start()
const day = 86_400_000

/** A client whose trial ended while it was suspended, for three days now. */
const lapsed = async (call: typeof Serving.overRest, method?: string) => {
  const own = await tenant(url)
  await own.settle({ onTrialEndWithoutMethod: "suspend" })
  await publish(own.id, "pro", { price: 2_900n, trial: { unit: "day", count: 1 } })
  const client = await own.client()
  if (method !== undefined) await own.method(client, method)
  await call(url, "subscriptions.create", { client, plan: "pro" }, own)
  await call(url, "clients.suspend", { client, reason: "customer_request", note: "On leave" }, own)
  await Serving.pool.query("update organization set clock_ahead_ms = $2 where id = $1", [own.id, 3 * day])
  const reactivate = (input: Serving.Input = {}) => call(url, "clients.reactivate", { client, ...input }, own)
  const preview = async () => (await call(url, "clients.previewReactivate", { client }, own)).body
  return { ...own, client, reactivate, preview }
}

const refusalOf = ({ status, body }: Serving.Answer) => [
  status,
  body["code"],
  (body["details"] as { readonly reason?: string } | undefined)?.reason
]

describe.each(Serving.transports)("over %s", (_, call) => {
  it("what was previewed is charged, and confirmed once", async () => {
    const { client, preview, reactivate } = await lapsed(call, "sandbox_succeed")
    const said = await preview()
    assert.deepInclude(said, { status: "active", effectiveStatus: "active", suspendedBy: [], clientsServed: 1 })
    assert.deepInclude(said["subscription"] as object, { outcome: "resumes", status: "active", plan: "pro" })
    assert.deepInclude(said["charge"] as object, { payer: client, amount: { amount: 2_900, currency: "USD" } })
    assert.deepStrictEqual(refusalOf(await reactivate({ preview: "rp_0_0" })), [422, "not_admissible", "preview_stale"])
    const confirmed = { preview: String(said["preview"]), idempotencyKey: Serving.anId() }
    const done = await reactivate(confirmed)
    assert.strictEqual(done.status, 200, JSON.stringify(done.body))
    assert.deepInclude(done.body, { id: client, status: "active", subscriptionStatus: "active" })
    assert.deepStrictEqual((await reactivate(confirmed)).body, done.body)
    assert.deepStrictEqual(refusalOf(await reactivate()), [422, "not_admissible", "not_suspended"])
  })

  it.each([
    [undefined, [422, "not_admissible", "payment_method_required"]],
    ["sandbox_decline_funds", [402, "payment_failed", "funds"]],
    ["sandbox_decline_authentication", [402, "payment_action_required", undefined]],
    ["sandbox_timeout_after_charging", [503, "outcome_unknown", undefined]]
  ] as const)("with %s it stays suspended, and says why", async (method, expected) => {
    const { client, reactivate, token } = await lapsed(call, method)
    assert.deepStrictEqual(refusalOf(await reactivate()), [...expected])
    assert.strictEqual((await call(url, "clients.get", { client }, { token })).body["status"], "suspended")
  })
})
