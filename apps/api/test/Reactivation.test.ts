/** Reactivations over the wire: what is previewed is what is charged, and each way to refuse has its status. */
import { once } from "node:events"
import { assert, describe, it } from "vitest"
import { freePort, pause, started } from "./Launch.ts"
import { tenant } from "./Paying.ts"
import { publish } from "./Plans.ts"
import * as Serving from "./Serving.ts"

const { url } = await Serving.start()
const day = 86_400_000

/** A client whose trial ended while it was suspended, for three days now. */
const lapsed = async (call: typeof Serving.overRest, method?: string, at = url) => {
  const own = await tenant(url)
  await own.settle({ onTrialEndWithoutMethod: "suspend" })
  await publish(own.id, "pro", { price: 2_900n, trial: { unit: "day", count: 1 } })
  const client = await own.client()
  if (method !== undefined) await own.method(client, method)
  await call(url, "subscriptions.create", { client, plan: "pro" }, own)
  await call(url, "clients.suspend", { client, reason: "customer_request", note: "On leave" }, own)
  await Serving.pool.query("update organization set clock_ahead_ms = $2 where id = $1", [own.id, 3 * day])
  const reactivate = (input: Serving.Input = {}) => call(at, "clients.reactivate", { client, ...input }, own)
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

it("is completed after a kill between the charge and the answer, and charged once", { timeout: 60_000 }, async () => {
  const port = await freePort()
  const api = await started(port)
  const made = await lapsed(Serving.overRest, "sandbox_slow_900", `http://127.0.0.1:${port}`)
  const key = { idempotencyKey: Serving.anId() }
  const cut = made.reactivate(key).catch(() => null)
  const charges = async () =>
    (await Serving.pool.query("select 1 from sandbox_charge where organization_id = $1", [made.id])).rows.length
  while ((await charges()) === 0) await pause(10)
  api.kill("SIGKILL")
  await once(api, "exit")
  assert.isNull(await cut)
  const statusNow = async () =>
    (await Serving.overRest(url, "clients.get", { client: made.client }, { token: made.token })).body["status"]
  assert.strictEqual(await statusNow(), "suspended")
  const again = await Serving.overRest(url, "clients.reactivate", { client: made.client, ...key }, made)
  assert.deepInclude(again.body, { status: "active", subscriptionStatus: "active" })
  assert.strictEqual(await charges(), 1)
})

it("a suspension needs no body; its reason is of a list, and its note at most 500 characters", async () => {
  const own = await tenant(url)
  const post = async (body?: object) => {
    const client = await own.client()
    const answer = await fetch(`${url}/v1/clients/${client}/suspend`, {
      method: "POST",
      headers: { authorization: `Bearer ${own.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    const { suspensions } = (await answer.json()) as { readonly suspensions?: ReadonlyArray<object> }
    return [answer.status, suspensions?.[0]] as const
  }
  const reasons = ["customer_request", "payment_failed", "switching_provider", "not_needed", "price", "feature_missing"]
  for (const reason of [...reasons, "other"]) assert.deepInclude((await post({ reason }))[1], { reason, note: null })
  assert.deepInclude((await post())[1], { cause: "operator", reason: null, note: null })
  assert.deepInclude((await post({ reason: null, note: null }))[1], { reason: null, note: null })
  const note = "n".repeat(500)
  assert.deepInclude((await post({ note }))[1], { note })
  for (const bad of [{ note: `${note}n` }, { reason: "bored" }, { note: 1 }, { cause: "system" }])
    assert.strictEqual((await post(bad))[0], 400)
})
