import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "vitest"
import { publish } from "../Plans.ts"
import { tenant } from "../Paying.ts"
import * as Serving from "../Serving.ts"

const { url } = await Serving.start()
const sh = promisify(execFile)

/** As it stands in the other platform's documents, but for host, id and key. */
const curl = (client: string, key: string) => `curl --request POST \\
  --url ${url}/public/api/v1/clients/${client}/suspend \\
  --header 'Content-Type: application/json' \\
  --header 'X-Api-Key: ${key}' \\
  --data '
{
  "reason": "Customer requested cancellation pending refund review."
}
'`

/** The fields of the answer there, by their paths. */
const fields = `createdAt creditsBalance creditsUsedThisPeriod currentPeriodEnd currentPeriodStart extraCreditsBalance
  nextCreditRenewalAt pendingInvitations.0.createdAt pendingInvitations.0.email pendingInvitations.0.expiresAt
  pendingInvitations.0.isExpired pendingInvitations.0.name pendingInvitations.0.publicId pendingInvitations.0.role
  pendingPlan.currency pendingPlan.effectiveAt pendingPlan.name pendingPlan.priceCents pendingPlan.publicId
  plan.billingIntervalMonths plan.creditsIncluded plan.currency plan.name plan.priceCents plan.publicId publicId
  seatsLimit subscriptionStatus unlimitedCredits users.0.completedOnboarding users.0.email users.0.lastSeenAt
  users.0.name users.0.publicId users.0.role usersCount workspaceName`.split(/\s+/)

type Json = Readonly<Record<string, unknown>>

const paths = (value: unknown, prefix = ""): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => paths(inner, prefix === "" ? key : `${prefix}.${key}`))
    : [prefix]

const suspend = async (client: string, token: string | undefined, body?: unknown, key?: string) => {
  const response = await fetch(`${url}/public/api/v1/clients/${client}/suspend`, {
    method: "POST",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { "x-api-key": token }),
      ...(key === undefined ? {} : { "idempotency-key": key })
    }
  })
  return { status: response.status, answer: (await response.json()) as Json }
}

/** On a plan with another waiting, with a person in it, another invited, and credits used. */
const workspace = async () => {
  const own = await tenant(url)
  const client = await own.client({ name: "Bakery" })
  const must = async (name: string, input: object) => {
    const { status, body } = await Serving.overRest(url, name, { ...input }, own)
    assert.isBelow(status, 300, `${name}: ${JSON.stringify(body)}`)
    return body
  }
  await publish(own.id, "plan")
  const next = await publish(own.id, "next")
  const { id } = await must("subscriptions.create", { client, plan: "plan" })
  await Serving.pool.query(
    `update subscription set state = (state::jsonb || jsonb_build_object('pending', jsonb_build_object(
       '_tag', 'Plan', 'terms', jsonb_build_object('plan', $2::text, 'free', true, 'interval', state::jsonb->'interval',
       'creditInterval', state::jsonb->'creditInterval'))))::json where id = $1`,
    [id, next]
  )
  await must("members.create", { client, email: "ada@bakery.example", name: "Ada", role: "OWNER" })
  await must("invitations.create", { client, email: "bob@bakery.example", name: "Bob", role: "STAFF" })
  await must("credits.grant", { client, kind: "extra", amount: "40", idempotencyKey: Serving.anId() })
  await must("credits.grant", { client, kind: "promo", amount: "7.5", idempotencyKey: Serving.anId() })
  await must("credits.consume", { client, amount: "2.5", idempotencyKey: Serving.anId() })
  return { ...own, client, must }
}

describe("POST /public/api/v1/clients/{clientPublicId}/suspend", () => {
  it("answers the request of their documents as it stands, with all fields of theirs", async () => {
    const { token, client, must } = await workspace()
    const { balances, ...before } = await must("clients.get", { client })
    const { promo, included, extra } = balances as Json
    assert.isTrue([promo, included, extra].every((kind) => Number(kind) > 0))
    const { stdout } = await sh("sh", ["-c", `${curl(client, token)} --silent --show-error`])
    const document = JSON.parse(stdout) as Json
    assert.deepStrictEqual([...paths(document)].toSorted(), [...fields].toSorted())
    assert.deepInclude(document, {
      publicId: client,
      workspaceName: "Bakery",
      subscriptionStatus: "suspended",
      creditsBalance: Number(included),
      extraCreditsBalance: Number(extra) + Number(promo),
      creditsUsedThisPeriod: 2.5,
      currentPeriodStart: before["currentPeriodStart"],
      // The credit clock stands.
      nextCreditRenewalAt: null,
      usersCount: 1,
      unlimitedCredits: false
    })
    assert.deepInclude((document["users"] as ReadonlyArray<Json>)[0], { name: "Ada", completedOnboarding: false })
    assert.deepInclude((document["pendingInvitations"] as ReadonlyArray<Json>)[0], { name: "Bob", isExpired: false })
    const { body } = await Serving.overRest(url, "clients.get", { client }, { token })
    assert.deepInclude((body["suspensions"] as ReadonlyArray<Json>)[0], {
      reason: null,
      note: "Customer requested cancellation pending refund review."
    })
  })

  it("takes no body at all, and each of their reasons", async () => {
    const { token, client, must } = await workspace()
    assert.strictEqual((await suspend(client, token)).status, 200)
    for (const cancellationReason of [
      "customer_request",
      "payment_failed",
      "switching_provider",
      "not_needed",
      "price",
      "feature_missing",
      "other"
    ]) {
      await must("clients.reactivate", { client })
      const { status } = await suspend(client, token, { cancellationReason, reason: "x".repeat(500) })
      assert.strictEqual(status, 200)
      const { suspensions } = await must("clients.get", { client })
      assert.deepInclude((suspensions as ReadonlyArray<Json>)[0], { reason: cancellationReason })
    }
  })

  it("answers a key again as it did, whatever has become of the workspace", async () => {
    const { token, client, must } = await workspace()
    const first = await suspend(client, token, {}, "once")
    await must("clients.reactivate", { client })
    await must("credits.consume", { client, amount: "1", idempotencyKey: Serving.anId() })
    assert.deepStrictEqual(await suspend(client, token, {}, "once"), first)
    assert.deepInclude(await must("clients.get", { client }), { status: "active" })
  })

  it("refuses what it does not know, and what is not there", async () => {
    const { token, client } = await workspace()
    const statuses = await Promise.all([
      suspend(client, token, { more: 1 }),
      suspend(client, token, { cancellationReason: "weather" }),
      suspend(client, token, { reason: "x".repeat(501) }),
      suspend(client, undefined, {}),
      suspend(client, "gsk_nonsense", {}),
      suspend(Serving.anId(), token, {})
    ])
    assert.deepStrictEqual(
      statuses.map(({ status }) => status),
      [400, 400, 400, 401, 401, 404]
    )
    assert.strictEqual((await suspend(client, token)).status, 200)
    assert.deepInclude((await suspend(client, token)).answer, { code: "not_admissible" })
  })

  it("refuses a token that may only read, a key of another request, and too many requests", async () => {
    const { id, token, client } = await workspace()
    const { text: reader } = await Serving.tokenOf(id, { scopes: ["clients:read"] })
    const forbidden = await suspend(client, reader, {})
    assert.deepInclude(forbidden, { status: 403 })
    assert.deepInclude(forbidden.answer, { code: "forbidden_capability_scope" })
    assert.strictEqual((await suspend(client, token, { reason: "One" }, "once")).status, 200)
    const conflict = await suspend(client, token, { reason: "Other" }, "once")
    assert.deepInclude(conflict, { status: 409 })
    assert.deepInclude(conflict.answer, { code: "idempotency_conflict" })
    const { text: slow } = await Serving.tokenOf(id, { perSecond: 1 })
    const answers = await Promise.all(Array.from({ length: 5 }, () => suspend(client, slow, {})))
    const limited = answers.filter(({ status }) => status === 429)
    assert.isNotEmpty(limited)
    for (const { answer } of limited) assert.deepInclude(answer, { code: "rate_limited" })
  })
})
