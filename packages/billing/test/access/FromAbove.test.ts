/** A token that is confined to a client works below it, and cannot change what bounds it. */
import {
  consumeCredits,
  createAccessToken,
  createClient,
  createSubscription,
  reactivateClient,
  setCap,
  suspendClient,
  updateClient,
  upsertClient
} from "@capstan/billing"
import { type Currency, Money } from "@capstan/domain"
import { AccessTokens } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { credit, day, grant, month, plan, pool, refusal, run, spend, start, world } from "../World.ts"

const usd = "USD" as Currency.Currency
const cap = (client: string) => ({
  client,
  name: "default",
  limit: { amount: Money.Minor.make(1_000n), currency: usd },
  every: "month" as const,
  scope: "all" as const,
  enforcement: "hard" as const,
  thresholds: []
})
const fresh = {
  externalId: null,
  name: "Fresh",
  email: null,
  currency: null,
  timeZone: null,
  usesParentBalance: false,
  metadata: {},
  onboarded: true
}
const suspension = { reason: "payment_failed" as const, note: null }

describe("a token that is confined to a client", () => {
  it("neither gives it credits, nor sets its caps, nor lifts its suspension", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const own = caller({ reach: client })
    for (const asked of [grant(own, client, credit), setCap(own, cap(client))])
      assert.deepInclude(await refusal(asked), { _tag: "NotAdmissible", reason: "set_from_above" })
    await run(suspendClient(caller(), { client, ...suspension }))
    assert.deepInclude(await refusal(reactivateClient(own, { client })), { reason: "set_from_above" })
    await run(reactivateClient(caller(), { client }))
  })

  it("gives a child that draws on its wallet nothing, nor an overdraft; what is below it, it may bound", async () => {
    const { organization, caller } = await world()
    const parent = await Client.create(pool, organization)
    const drawing = await Client.create(pool, organization, { parent, usesParentBalance: true })
    const child = await Client.create(pool, organization, { parent })
    const own = caller({ reach: parent })
    assert.deepInclude(await refusal(grant(own, drawing, credit)), { reason: "set_from_above" })
    assert.deepInclude(await refusal(grant(caller({ reach: drawing }), drawing, credit)), { reason: "set_from_above" })
    assert.deepInclude(await refusal(createClient(own, { ...fresh, parent, overdraftLimit: credit })), {
      reason: "set_from_above"
    })
    await run(setCap(own, cap(child)))
    await run(grant(own, child, credit))
    await run(consumeCredits(caller({ reach: parent }), spend(child, credit)))
  })

  it("neither gives itself a feature nor drops one that it was denied; what is below it, it may", async () => {
    const { organization, caller } = await world()
    const parent = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent })
    const own = caller({ reach: parent, key: null })
    const granted = { "features.voice": true, "features.sso": false }
    const given = await run(updateClient(caller(), { client: parent, externalId: "up", metadata: granted }))
    const member = { kind: "member", id: parent, role: "OWNER", client: parent } as const
    for (const by of [own, caller({ reach: parent, key: null, person: member }), caller({ reach: parent })])
      for (const metadata of [{ ...granted, "features.sso": true }, { "features.voice": true }, null]) {
        const bound = { _tag: "NotAdmissible", reason: "set_from_above", field: "metadata" } as const
        assert.deepInclude(await refusal(updateClient({ ...by }, { client: parent, metadata })), bound)
        const upserted = upsertClient({ ...by, key: null }, { externalId: "up", name: given.name, metadata })
        assert.deepInclude(await refusal(upserted), bound)
      }
    await run(updateClient(own, { client: parent, metadata: { ...granted, note: "ours" } }))
    const below = await run(updateClient(own, { client: child, metadata: granted }))
    assert.deepStrictEqual(below.metadata, granted)
  })

  it("neither publishes what it could subscribe to, nor subscribes with a longer trial or more seats than the plan has", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const own = caller({ reach: client })
    assert.deepInclude(await refusal(plan(own)), { reason: "set_from_above" })
    await run(plan(caller(), { price: 1_000n }))
    const asked = { client, plan: "basic", seats: undefined, trial: { ...month, count: 100 } }
    assert.deepInclude(await refusal(createSubscription(own, asked)), { reason: "set_from_above" })
    const seated = { ...asked, trial: undefined }
    assert.deepInclude(await refusal(createSubscription(own, { ...seated, seats: 4 })), { reason: "set_from_above" })
    await run(createSubscription(own, { ...seated, seats: 2 }))
  })
})

describe("a token", () => {
  it("makes none that is faster, or that outlives it", async () => {
    const { caller } = await world()
    const pepper = AccessTokens.pepper("a secret of at least thirty-two characters")
    const scopes = ["credits:read"]
    const input = { name: "made", scopes, client: null, perSecond: 5, expiresAt: start + day }
    const operator = caller({ scopes: new Set(scopes) })
    const { id } = await run(createAccessToken(operator, input, pepper))
    const maker = caller({ scopes: new Set(scopes), actor: `token:${id}`, token: id })
    for (const more of [{ perSecond: 6 }, { expiresAt: null }, { expiresAt: start + day + 1 }])
      assert.deepInclude(await refusal(createAccessToken(maker, { ...input, ...more }, pepper)), {
        reason: "stronger_than_maker"
      })
    await run(createAccessToken(maker, input, pepper))
  })
})
