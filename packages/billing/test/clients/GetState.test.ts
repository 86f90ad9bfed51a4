import {
  createSubscription,
  getBalance,
  getClient,
  getState,
  inviteMember,
  reserveCredits,
  suspendClient
} from "@capstan/billing"
import { ClientView, SeatView, SubscriptionView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, day, plan, pool, read, refusal, run, spend, start } from "../World.ts"
import { type Estate, estate } from "./Estate.ts"

const subscribe = async (here: Estate, client: string, over: Parameters<typeof plan>[1] = {}) => {
  const { key } = await run(plan(here.caller(), over))
  return run(createSubscription(here.caller(), { client, plan: key, seats: undefined, trial: undefined }))
}

/** Whoever asks one by one, at the same moment, is told the same. */
const agrees = async (here: Estate, client: string, now = start) => {
  const caller = here.caller({ now })
  const state = await run(getState(caller, { client }))
  const detail = await run(getClient(caller, { client }))
  const balance = await run(getBalance(caller, { client }))
  assert.deepStrictEqual(state.client, Result.getOrThrow(await read((db) => ClientView.get(db, caller, client))))
  const { nextExpiry, nextRenewalAt, payer, unlimited, ...balances } = state.credits
  assert.deepStrictEqual(balances, detail.balances)
  assert.deepStrictEqual([nextExpiry, payer, unlimited], [balance.nextExpiry, balance.payer, balance.unlimited])
  assert.strictEqual(nextRenewalAt, detail.nextCreditRenewalAt)
  assert.deepStrictEqual(state.entitlements.features, detail.features)
  assert.deepStrictEqual(state.caps, balance.caps)
  const seats = await read(async (db) =>
    Result.succeed(await SeatView.seatsOf(db, here.organization.id, [client], now))
  )
  const { seatsLimit: limit, ...taken } = Result.getOrThrow(seats).get(client) ?? assert.fail("no seats")
  assert.deepStrictEqual(state.entitlements.seats, { limit, ...taken })
  for (const subscription of state.subscriptions)
    assert.deepStrictEqual(
      subscription,
      Result.getOrThrow(await read((db) => SubscriptionView.get(db, caller, subscription.id)))
    )
  return state
}

describe("getState", () => {
  it("says what all the others say, also of a child that draws on its parent's balance", async () => {
    const here = await estate()
    const root = await here.client()
    const child = await here.client(root, true)
    const own = await here.client(root)
    await subscribe(here, root, { terms: { credits: 500n * credit } })
    await here.grant(root, 100, { expiresAt: start + 2 * day })
    await here.cap(root, 10_000)
    await here.cap(child, 5_000)
    await run(here.consume(child, 30))
    await here.hold(child, 20, day)
    for (const name of ["ada", "bob"])
      await run(inviteMember(here.caller(), { client: root, email: `${name}@example.com`, name, role: "STAFF" }))
    for (const client of [root, child, own]) await agrees(here, client)
    const { credits, caps, subscriptions } = await agrees(here, child)
    assert.deepInclude(credits, { payer: root, held: 20n * credit, extra: 50n * credit, included: 500n * credit })
    assert.strictEqual(caps.length, 2)
    assert.deepStrictEqual(subscriptions, [])
    // The hold has ended by itself by then, and the lot as well.
    assert.deepInclude((await agrees(here, child, start + 3 * day)).credits, { held: 0n, extra: 0n })
  })

  it("says why nothing may be spent, wherever on the line that is", async () => {
    const here = await estate()
    const root = await here.client()
    const child = await here.client(root)
    assert.deepInclude((await agrees(here, child)).entitlements, { use: "all", refusal: null })
    await run(suspendClient(here.caller(), { client: root, reason: null, note: null }))
    const { entitlements, client } = await agrees(here, child)
    assert.deepInclude(entitlements, { use: "none", invite: false })
    assert.deepInclude(entitlements.refusal, { _tag: "AncestorSuspended", ancestor: root })
    assert.deepInclude(client, { status: "active", effectiveStatus: "suspended" })
    assert.deepStrictEqual(await refusal(here.consume(child, 1)), entitlements.refusal)
  })

  it("tells of a subscription that is not paid as it is, and of the last where none lives", async () => {
    const here = await estate()
    const client = await here.client()
    const { id } = await subscribe(here, client, { price: 1_000n })
    const { subscriptions, entitlements } = await agrees(here, client)
    assert.deepStrictEqual(
      subscriptions.map(({ id, status }) => [id, status]),
      [[id, "incomplete"]]
    )
    assert.deepInclude(entitlements.refusal, { _tag: "SubscriptionNotPaid" })
    await pool.query(
      `update subscription set status = 'canceled',
         state = (state::jsonb || '{"status": "canceled", "endCause": "abandoned"}')::json where id = $1`,
      [id]
    )
    assert.deepStrictEqual(
      (await agrees(here, client)).subscriptions.map(({ status }) => status),
      ["canceled"]
    )
  })

  it("finds by external id, and nobody else's", async () => {
    const [here, other] = [await estate(), await estate()]
    const client = await Client.create(pool, here.organization, { externalId: "known" })
    const sibling = await here.client()
    assert.strictEqual((await run(getState(here.caller(), { client: "ext:known" }))).client.id, client)
    for (const caller of [other.caller(), here.caller({ reach: sibling })])
      for (const name of [client, "ext:known", "ext:\0", "nothing"])
        assert.deepInclude(await refusal(getState(caller, { client: name })), { _tag: "NotFound" })
  })

  it("keeps amounts beyond what a double holds", async () => {
    const here = await estate()
    const overdraftLimit = 9_007_199_254_740_993n
    const client = await Client.create(pool, here.organization, { overdraftLimit })
    const { credits } = await run(getState(here.caller(), { client }))
    assert.strictEqual(credits.available, overdraftLimit)
    await run(reserveCredits(here.caller(), { ...spend(client, overdraftLimit), expiresIn: day }))
    assert.strictEqual((await run(getState(here.caller(), { client }))).credits.available, 0n)
  })
})
