import { createClient } from "@capstan/billing"
import type { Currency } from "@capstan/domain"
import { ClientView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, pool, read, refusal, run, start, world } from "../World.ts"

const input = {
  externalId: null,
  parent: null,
  name: "Acme",
  email: null,
  currency: null,
  timeZone: null,
  usesParentBalance: false,
  overdraftLimit: 0n,
  metadata: {},
  onboarded: false
}

describe("createClient", () => {
  it("a root has a tree, a wallet and an event, and what its organization has settled", async () => {
    const { organization, caller } = await world({ currency: "CHF", timeZone: "Europe/Zurich" })
    const client = await run(createClient(caller(), { ...input, metadata: { plan: "n:1", seats: 3, beta: true } }))
    assert.deepInclude(client, {
      name: "Acme",
      parent: null,
      path: [],
      payer: client.id,
      currency: "CHF" as Currency.Currency,
      status: "pending_onboarding",
      effectiveStatus: "pending_onboarding",
      subscriptionStatus: "pending_onboarding",
      suspendedBy: [],
      etag: "1",
      createdAt: start,
      metadata: { plan: "n:1", seats: 3, beta: true }
    })
    assert.deepStrictEqual(await read((db) => ClientView.get(db, caller(), client.id)), Result.succeed(client))
    const { rows } = await pool.query(
      `select (select count(*)::int from tree where organization_id = $1 and root_id = $2) as trees,
         (select count(*)::int from wallet where organization_id = $1 and client_id = $2) as wallets,
         (select array_agg(kind || number || actor) from event where organization_id = $1 and client_id = $2) as events`,
      [organization.id, client.id]
    )
    assert.deepStrictEqual(rows, [{ trees: 1, wallets: 1, events: ["client.created1token:test"] }])
  })

  it("a child has the path, the zone and the currency of its parent, and may draw on its wallet", async () => {
    const { caller } = await world()
    const root = await run(createClient(caller(), { ...input, externalId: "root", onboarded: true }))
    const child = await run(createClient(caller(), { ...input, parent: "ext:root" }))
    const grandchild = await run(createClient(caller(), { ...input, parent: child.id, usesParentBalance: true }))
    assert.deepStrictEqual(grandchild.path, [root.id, child.id])
    assert.strictEqual(grandchild.payer, child.id)
    assert.strictEqual(grandchild.currency, root.currency)
  })

  it("a tree is eight deep and no deeper, and of one currency", async () => {
    const { caller } = await world()
    let parent: string | null = null
    for (let depth = 1; depth <= 8; depth++) parent = (await run(createClient(caller(), { ...input, parent }))).id
    assert.deepInclude(await refusal(createClient(caller(), { ...input, parent })), {
      _tag: "NotAdmissible",
      reason: "parent_too_deep"
    })
    const root = await run(createClient(caller(), input))
    assert.deepInclude(
      await refusal(createClient(caller(), { ...input, parent: root.id, currency: "EUR" as Currency.Currency })),
      { _tag: "NotAdmissible", reason: "currency_differs" }
    )
  })

  it("of many at once with one external id, one is made", async () => {
    const { organization, caller } = await world()
    const results = await Promise.all(
      Array.from({ length: 8 }, () => attempt(createClient(caller(), { ...input, externalId: "same" })))
    )
    const refusals = results.flatMap((result) => (Result.isFailure(result) ? [result.failure] : []))
    assert.deepStrictEqual(
      refusals,
      Array.from({ length: 7 }, () => ({ _tag: "Taken", what: "externalId", value: "same" }) as const)
    )
    const { rows } = await pool.query(
      `select (select count(*)::int from client where organization_id = $1) as clients,
         (select count(*)::int from tree where organization_id = $1) as trees`,
      [organization.id]
    )
    assert.deepStrictEqual(rows, [{ clients: 1, trees: 1 }])
  })

  it("a key makes one client, however often and however at once; with another payload it is refused", async () => {
    const { organization, caller } = await world()
    const key = "my key"
    const again = () => run(createClient(caller({ key }), { ...input, overdraftLimit: 5n }))
    const [first, ...others] = await Promise.all([again(), again(), again()])
    for (const other of [...others, await again()]) assert.deepStrictEqual(other, first)
    assert.deepStrictEqual(await refusal(createClient(caller({ key }), input)), { _tag: "KeyReused", key })
    const { rows } = await pool.query("select count(*)::int as n from client where organization_id = $1", [
      organization.id
    ])
    assert.deepStrictEqual(rows, [{ n: 1 }])
  })

  it("a refused key is free again", async () => {
    const { caller } = await world()
    const taken = await run(createClient(caller(), { ...input, externalId: "a" }))
    const again = () => createClient(caller({ key: "k" }), { ...input, externalId: "a" })
    assert.strictEqual((await refusal(again()))._tag, "Taken")
    await pool.query("update client set external_id = null where id = $1", [taken.id])
    assert.strictEqual((await run(again())).externalId, "a")
  })

  it("what another organization has, or is out of reach, is not there", async () => {
    const [mine, other] = [await world(), await world()]
    const theirs = await Client.create(pool, other.organization, { externalId: "theirs" })
    for (const parent of [theirs, "ext:theirs", "ext:\0", "nonsense"])
      assert.deepStrictEqual(await refusal(createClient(mine.caller(), { ...input, parent })), {
        _tag: "NotFound",
        what: "client",
        id: parent
      })
    const root = await Client.create(pool, mine.organization)
    const inside = await Client.create(pool, mine.organization, { parent: root })
    const confined = mine.caller({ reach: inside })
    assert.strictEqual((await refusal(createClient(confined, { ...input, parent: root })))._tag, "NotFound")
    assert.strictEqual((await refusal(createClient(confined, input)))._tag, "NotAdmissible")
    assert.deepStrictEqual(
      (await run(createClient(mine.caller({ reach: inside }), { ...input, parent: inside }))).path,
      [root, inside]
    )
  })
})
