import {
  captureHold,
  completeOnboarding,
  consumeCredits,
  getClient,
  reactivateClient,
  releaseHold,
  reserveCredits,
  suspendClient
} from "@capstan/billing"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "vitest"
import { credit, day, grant, pool, refusal, run, spend, start, world } from "../World.ts"

const nothing = { reason: null, note: null }

describe("suspendClient", () => {
  it("answers the whole client, a version on, and tells who did it and why", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const suspended = await run(suspendClient(caller(), { client, reason: "price", note: "too dear" }))
    const suspension = { cause: "operator", by: "token:test", at: start, reason: "price", note: "too dear" } as const
    assert.deepInclude(suspended, {
      id: client,
      status: "suspended",
      effectiveStatus: "suspended",
      subscriptionStatus: "suspended",
      suspendedBy: [{ client, causes: ["operator"] }],
      suspensions: [suspension],
      etag: "2",
      updatedAt: start
    })
    assert.deepInclude(await run(getClient(caller(), { client })), suspended)
    const { rows } = await pool.query("select kind, payload from event where client_id = $1", [client])
    const changed = { before: { status: "active" }, after: { status: "suspended" } }
    assert.deepStrictEqual(rows, [{ kind: "client.suspended", payload: { _tag: "Suspended", suspension, ...changed } }])
    assert.deepInclude(await refusal(suspendClient(caller(), { client, ...nothing })), { _tag: "AlreadySuspended" })
  })

  it("a key answers as it did, whatever the client has become; a stale version is refused", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const first = await run(suspendClient(caller({ key: "s", ifMatch: "1" }), { client, ...nothing }))
    await run(reactivateClient(caller({ ifMatch: "2" }), { client }))
    assert.deepStrictEqual(await run(suspendClient(caller({ key: "s", ifMatch: "1" }), { client, ...nothing })), first)
    assert.deepStrictEqual(await refusal(suspendClient(caller({ ifMatch: "1" }), { client, ...nothing })), {
      _tag: "VersionStale",
      current: "3"
    })
    assert.deepStrictEqual(
      await refusal(suspendClient(caller({ key: "s" }), { client, reason: "other", note: null })),
      {
        _tag: "KeyReused",
        key: "s"
      }
    )
    assert.strictEqual((await run(getClient(caller(), { client }))).status, "active")
  })

  it("who else's it is, or what is out of reach, is not found", async () => {
    const [mine, other] = [await world(), await world()]
    const theirs = await Client.create(pool, other.organization)
    const root = await Client.create(pool, mine.organization)
    const [inside, beside] = [
      await Client.create(pool, mine.organization, { parent: root }),
      await Client.create(pool, mine.organization, { parent: root })
    ]
    const confined = mine.caller({ reach: inside })
    for (const [caller, client] of [
      [mine.caller(), theirs],
      [confined, root],
      [confined, beside]
    ] as const)
      for (const command of [
        suspendClient(caller, { client, ...nothing }),
        reactivateClient(caller, { client }),
        completeOnboarding(caller, { client }),
        getClient(caller, { client }),
        consumeCredits(caller, spend(client, 1n)),
        grant(caller, client, 1n)
      ])
        assert.deepStrictEqual(await refusal(command), { _tag: "NotFound", what: "client", id: client })
    assert.strictEqual((await run(suspendClient(confined, { client: inside, ...nothing }))).status, "suspended")
  })
})

describe("suspension means suspension", () => {
  it("of an ancestor: nothing below spends, reserves or is checked as allowed; what was held may be captured", async () => {
    const { organization, caller } = await world()
    const root = await Client.create(pool, organization)
    const child = await Client.create(pool, organization, { parent: root })
    const grandchild = await Client.create(pool, organization, { parent: child })
    await run(grant(caller(), grandchild, 100n * credit))
    await run(consumeCredits(caller(), spend(grandchild, credit)))
    const hold = { client: grandchild, amount: 5n * credit, feature: null, allowPartial: false, expiresIn: day }
    const [captured, released] = [await run(reserveCredits(caller(), hold)), await run(reserveCredits(caller(), hold))]
    await run(suspendClient(caller(), { client: root, ...nothing }))

    const refused = { _tag: "AncestorSuspended", client: grandchild, ancestor: root, causes: ["operator"] } as const
    assert.deepStrictEqual(await refusal(consumeCredits(caller(), spend(grandchild, credit))), refused)
    assert.deepStrictEqual(await refusal(reserveCredits(caller(), hold)), refused)
    const detail = await run(getClient(caller(), { client: grandchild }))
    assert.deepInclude(detail, {
      status: "active",
      effectiveStatus: "suspended",
      suspendedBy: [{ client: root, causes: ["operator"] }]
    })
    assert.strictEqual(detail.balances.available, 0n)

    const settle = { amount: null, feature: null, allowPartial: false }
    await run(captureHold(caller(), { hold: captured.entry.hold ?? "", ...settle }))
    await run(releaseHold(caller(), { hold: released.entry.hold ?? "" }))
    await run(reactivateClient(caller(), { client: root }))
    await run(consumeCredits(caller(), spend(grandchild, 94n * credit)))
    assert.strictEqual((await run(getClient(caller(), { client: grandchild }))).balances.balance, 0n)
  })

  it("lifting one cause leaves the others", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    const dunning = { cause: "dunning", by: "system", at: start, reason: "payment_failed", note: null }
    await pool.query("update client set suspensions = $2 where id = $1", [client, JSON.stringify([dunning])])
    assert.deepInclude(await refusal(reactivateClient(caller(), { client })), {
      _tag: "NotSuspended",
      cause: "operator"
    })
    await run(suspendClient(caller(), { client, ...nothing }))
    const lifted = await run(reactivateClient(caller(), { client }))
    assert.strictEqual(lifted.status, "suspended")
    assert.deepStrictEqual(lifted.suspendedBy, [{ client, causes: ["dunning"] }])
  })
})

describe("completeOnboarding", () => {
  it("lets a client spend, once", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization, { onboarded: false })
    await run(grant(caller(), client, credit))
    assert.deepStrictEqual(await refusal(consumeCredits(caller(), spend(client, credit))), {
      _tag: "ClientNotOnboarded",
      client
    })
    const onboarded = await run(completeOnboarding(caller({ key: "o" }), { client }))
    assert.deepInclude(onboarded, { status: "active", onboardedAt: start, subscriptionStatus: "none" })
    await run(consumeCredits(caller(), spend(client, credit)))
    assert.deepStrictEqual(await run(completeOnboarding(caller({ key: "o" }), { client })), onboarded)
    assert.deepInclude(await refusal(completeOnboarding(caller(), { client })), { _tag: "AlreadyOnboarded" })
  })
})
