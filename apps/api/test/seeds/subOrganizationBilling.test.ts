import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Serving from "../Serving.ts"
import { type Tenant, tenant } from "../Paying.ts"

const { url } = await Serving.start()
const sh = promisify(execFile)

/** As it stands in the other platform's documents, but for host and ids; they leave the key out. */
const curl = (org: string, sub: string, key: string) => `curl --request PATCH \\
  --url ${url}/orgs/${org}/orgs/${sub}/billing \\
  --header 'Content-Type: application/json' \\
  ${key} \\
  --data '
{
  "auto_recharge": {
    "enabled": true,
    "recharge_threshold": 252.5,
    "recharge_amount": 252.5
  },
  "spending_cap": {
    "enabled": true,
    "amount": 50000,
    "reset_at": "2023-11-07T05:31:56Z"
  }
}
'`

/** The fields of the answer there, by their paths. */
const fields = `id name verified disabled type plan balance promo_balance promo_balance_reset_at
  billing.auto_recharge.enabled billing.auto_recharge.recharge_threshold billing.auto_recharge.recharge_amount
  billing.spending_cap.enabled billing.spending_cap.amount billing.spending_cap.reset_at
  billing.payment_method.type billing.payment_method.payment_method_id billing.payment_method.brand
  billing.payment_method.last4 billing.payment_method.inactive billing.payment_method.failed_at
  billing.payment_method.failed_message billing.last_low_balance_notification_at
  billing.last_out_of_balance_notification_at billing.last_spending_cap_notification_at
  logo_url deleted created_at spending_cap_used updated_at role
  features.enterprise features.allow_overdraft features.workflows features.broadcasts features.enable_japifon
  features.custom_domain features.slack_access config.email config.address config.terms_url config.privacy_url
  parent_org.id parent_org.name parent_org.verified parent_org.logo_url parent_org.plan parent_org.config.email
  parent_org.config.address parent_org.config.terms_url parent_org.config.privacy_url parent_org.features.enterprise
  parent_org.features.allow_overdraft parent_org.features.workflows parent_org.features.broadcasts
  parent_org.features.enable_japifon parent_org.features.custom_domain parent_org.features.slack_access
  parent_org.parent_org_id`.split(/\s+/)

interface Doc {
  readonly [field: string]: unknown
  readonly billing: {
    readonly auto_recharge: object
    readonly spending_cap: { readonly enabled: boolean; readonly amount: number; readonly reset_at: string } | null
    readonly payment_method: object
  }
  readonly spending_cap_used: number
}

const paths = (value: unknown, prefix = ""): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => paths(inner, prefix === "" ? key : `${prefix}.${key}`))
    : [prefix]

const family = async () => {
  const own = await tenant(url)
  await own.pack("small")
  await own.settle({ defaultCreditPack: "small" })
  const agency = await own.client({ name: "Agency", metadata: { "config.terms_url": "https://agency.example/terms" } })
  const shop = await own.client({ name: "Shop", parent: agency })
  await own.method(shop)
  return { own, agency, shop }
}

const patch = async (own: Pick<Tenant, "token">, org: string, sub: string, body: unknown) => {
  const response = await fetch(`${url}/orgs/${org}/orgs/${sub}/billing`, {
    method: "PATCH",
    headers: { "content-type": "application/json", "x-api-key": own.token },
    body: JSON.stringify(body)
  })
  const answer = (await response.json()) as Doc & { readonly code?: string; readonly details?: object }
  return { status: response.status, answer }
}

const off = { enabled: false }

describe("PATCH /orgs/{org}/orgs/{sub}/billing", () => {
  it("answers the request of their documents as it stands, with all fields of theirs", async () => {
    const { own, agency, shop } = await family()
    const run = async (key: string) => {
      const { stdout } = await sh("sh", ["-c", `${curl(agency, shop, key)} --silent --show-error`])
      return JSON.parse(stdout) as Doc
    }
    const before = Date.now()
    const document = await run(`--header 'X-Api-Key: ${own.token}'`)
    assert.deepStrictEqual([...paths(document)].toSorted(), [...fields].toSorted())
    assert.isAtLeast(Date.parse(document.billing.spending_cap?.reset_at ?? ""), before - 1_000)
    assert.deepInclude(document, {
      id: shop,
      name: "Shop",
      verified: true,
      disabled: false,
      deleted: false,
      type: "TEAM",
      plan: "free",
      balance: 0,
      promo_balance: 0,
      promo_balance_reset_at: null,
      spending_cap_used: 0,
      role: "ADMIN"
    })
    assert.deepStrictEqual(document.billing.auto_recharge, {
      enabled: true,
      recharge_threshold: 252.5,
      recharge_amount: 252.5
    })
    assert.deepInclude(document.billing.spending_cap, { enabled: true, amount: 50_000 })
    assert.deepInclude(document.billing.payment_method, { type: "card", brand: "visa", last4: "4242", inactive: false })
    assert.deepInclude(document["parent_org"], { id: agency, name: "Agency", parent_org_id: own.id })
    assert.deepInclude(document["parent_org"], {
      config: { email: null, address: null, terms_url: "https://agency.example/terms", privacy_url: null }
    })

    const again = await run(`--header 'Authorization: Bearer ${own.token}'`)
    assert.deepStrictEqual(again, document)
    assert.lengthOf(await own.events(shop, "cap.window_reset"), 1)
  })

  it("knows the organization and the client above by their ids, and `c` as the key's own; nothing that is not below", async () => {
    const { own, agency, shop } = await family()
    const stranger = await family()
    const sibling = await own.client()
    const keyOf = async (reach: string) => ({ token: (await Serving.tokenOf(own.id, { reach })).text })
    const status = async (as: { readonly token: string }, org: string, sub: string) =>
      (await patch(as, org, sub, { auto_recharge: off })).status
    for (const org of [own.id, agency, "c"]) assert.strictEqual(await status(own, org, shop), 200, org)
    assert.strictEqual(await status(await keyOf(agency), "c", shop), 200)
    assert.strictEqual(await status(await keyOf(agency), agency, shop), 200)
    assert.strictEqual(await status(await keyOf(agency), own.id, shop), 404)
    assert.strictEqual(await status(await keyOf(shop), "c", shop), 404)
    assert.strictEqual(await status(await keyOf(shop), agency, shop), 404)
    assert.strictEqual(await status(own, sibling, shop), 404)
    assert.strictEqual(await status(own, shop, shop), 404)
    assert.strictEqual(await status(own, "nobody", shop), 404)
    assert.strictEqual(await status(stranger.own, stranger.agency, shop), 404)
    assert.strictEqual(await status(stranger.own, "c", shop), 404)
    assert.strictEqual(await status({ token: "none" }, "c", shop), 401)
    const reader = { token: (await Serving.tokenOf(own.id, { scopes: ["billing:read"] })).text }
    assert.strictEqual(await status(reader, "c", shop), 403)
  })

  it("begins the count anew where `reset_at` is neither where it began nor what was given last, and never ahead", async () => {
    const { own, shop } = await family()
    const cap = (more: object) =>
      patch(own, "c", shop, { auto_recharge: off, spending_cap: { enabled: true, ...more } })
    await Serving.overRest(
      url,
      "credits.grant",
      { client: shop, kind: "extra", amount: "100", unitCost: { amount: "0.5", currency: "USD" }, idempotencyKey: "g" },
      own
    )
    let n = 0
    const spend = () =>
      Serving.overRest(url, "credits.consume", { client: shop, amount: "3", idempotencyKey: `${(n += 1)}` }, own)
    const first = (await cap({ amount: 100 })).answer
    await spend()
    const used = (await cap({})).answer
    assert.strictEqual(used.spending_cap_used, 0.015)
    const present = used.billing.spending_cap?.reset_at
    assert.strictEqual(present, first.billing.spending_cap?.reset_at)
    assert.strictEqual((await cap({ reset_at: present })).answer.spending_cap_used, 0.015)

    const ahead = await cap({ reset_at: new Date(Date.now() + 60_000).toISOString() })
    assert.deepStrictEqual([ahead.status, ahead.answer.code], [422, "not_admissible"])
    assert.deepInclude(ahead.answer.details, { reason: "outside_range", field: "spending_cap.reset_at" })

    const reset = (await cap({ reset_at: "2023-11-07T05:31:56Z" })).answer
    assert.strictEqual(reset.spending_cap_used, 0)
    await spend()
    const repeated = (await cap({ reset_at: "2023-11-07T05:31:56Z" })).answer
    assert.strictEqual(repeated.spending_cap_used, 0.015)
    assert.strictEqual((await cap({ reset_at: "2023-11-08T00:00:00Z" })).answer.spending_cap_used, 0)
    const resets = await own.events(shop, "cap.window_reset")
    assert.lengthOf(resets, 2)
    for (const { actor } of resets) assert.match(String(actor), /^token:/)
  })

  it("keeps counting in a cap that is switched off, which binds nobody", async () => {
    const { own, shop } = await family()
    const grant = { client: shop, kind: "extra", amount: "100", unitCost: { amount: "100", currency: "USD" } }
    await Serving.overRest(url, "credits.grant", { ...grant, idempotencyKey: "g" }, own)
    const cap = (enabled: boolean, amount: number) =>
      patch(own, "c", shop, { auto_recharge: off, spending_cap: { enabled, amount } })
    const spend = async (amount: string) =>
      (await Serving.overRest(url, "credits.consume", { client: shop, amount, idempotencyKey: amount }, own)).status
    await cap(true, 2)
    assert.strictEqual(await spend("3"), 402)
    const { answer } = await cap(false, 2)
    assert.deepInclude(answer.billing.spending_cap, { enabled: false, amount: 2 })
    assert.strictEqual(await spend("4"), 200)
    assert.strictEqual((await cap(true, 2)).answer.spending_cap_used, 4)
    assert.strictEqual(await spend("0.1"), 402)
  })

  it("takes an enabled recharge for the key's consent, and says by whom and when", async () => {
    const { own, shop } = await family()
    await patch(own, "c", shop, {
      auto_recharge: { enabled: true, recharge_threshold: 5, recharge_amount: 500.000001 }
    })
    const { body } = await Serving.overRest(url, "clients.billing.get", { client: shop }, own)
    const { autoRecharge } = body["billing"] as { readonly autoRecharge: Readonly<Record<string, unknown>> }
    assert.deepInclude(autoRecharge, { enabled: true, threshold: "5", amount: "500.000001", pack: "small" })
    assert.match(String((autoRecharge["consent"] as { readonly by: string }).by), /^token:/)
    const { answer } = await patch(own, "c", shop, { auto_recharge: off })
    assert.deepStrictEqual(answer.billing.auto_recharge, {
      enabled: false,
      recharge_threshold: 5,
      recharge_amount: 500.000001
    })
  })

  it("refuses by their names, and does nothing of what it refuses", async () => {
    const { own, shop } = await family()
    const poor = await own.client()
    const on = { enabled: true, recharge_threshold: 5, recharge_amount: 5 }
    const capped = { enabled: true, amount: 10 }
    const refused = async (sub: string, body: object) => {
      const { status, answer } = await patch(own, "c", sub, body)
      return [status, answer.details]
    }
    assert.deepStrictEqual(await refused(poor, { auto_recharge: on, spending_cap: capped }), [
      422,
      { reason: "payment_method_required", field: "payment_method" }
    ])
    const { body } = await Serving.overRest(url, "caps.list", { client: poor }, own)
    assert.deepStrictEqual(body["items"], [])
    assert.deepStrictEqual(await refused(shop, { auto_recharge: { ...on, recharge_amount: 0.01 } }), [
      422,
      { reason: "below_provider_minimum", field: "auto_recharge.recharge_amount" }
    ])
    await own.settle({
      rechargeThresholdRange: { min: "5", max: "500" },
      rechargeAmountRange: { min: "5", max: "500" },
      capRange: { min: 0, max: 10_000_000 }
    })
    for (const [field, body] of [
      ["auto_recharge.recharge_threshold", { auto_recharge: { ...on, recharge_threshold: 4.9 } }],
      ["auto_recharge.recharge_amount", { auto_recharge: { ...on, recharge_amount: 501 } }],
      ["spending_cap.amount", { auto_recharge: on, spending_cap: { enabled: true, amount: 100_001 } }],
      ["spending_cap.amount", { auto_recharge: on, spending_cap: { enabled: true, amount: 0.001 } }]
    ] as const)
      assert.deepStrictEqual(await refused(shop, body), [422, { reason: "outside_range", field }])
    const { answer } = await patch(own, "c", shop, { auto_recharge: off })
    assert.deepInclude(answer.billing, {
      auto_recharge: { enabled: false, recharge_threshold: null, recharge_amount: null },
      spending_cap: null
    })
    await own.settle({ defaultCreditPack: null })
    assert.deepStrictEqual(await refused(shop, { auto_recharge: on }), [
      422,
      { reason: "credit_pack_required", field: "auto_recharge" }
    ])
  })

  it("refuses what is not of the form, every fault by its path", async () => {
    const { own, shop } = await family()
    const issues = async (body: unknown) => {
      const { status, answer } = await patch(own, "c", shop, body)
      assert.deepStrictEqual([status, answer.code], [400, "invalid_request"])
      const { issues } = answer.details as { readonly issues: ReadonlyArray<{ readonly path: string }> }
      return issues.map(({ path }) => path)
    }
    assert.deepStrictEqual(await issues({}), ["auto_recharge"])
    assert.sameMembers(
      [
        ...(await issues({
          auto_recharge: { enabled: "yes", recharge_threshold: -1, recharge_amount: 0.0000001 },
          spending_cap: { enabled: true, amount: "5", reset_at: "yesterday" },
          paid: true
        }))
      ],
      [
        "auto_recharge.enabled",
        "auto_recharge.recharge_threshold",
        "auto_recharge.recharge_amount",
        "spending_cap.amount",
        "spending_cap.reset_at",
        "paid"
      ]
    )
  })
})
