import {
  createSubscription,
  detachClient,
  getBalance,
  moveClient,
  reactivateClient,
  reverseDebit,
  runDue,
  settleLease,
  suspendClient
} from "@capstan/billing"
import { ClientView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, credit, day, lotsOf, plan, pool, read, refusal, run, start } from "../World.ts"
import { type Estate, estate } from "./Estate.ts"

const minute = 60_000

/** Two trees. The one that moves draws on the wallet of the root of the first; everyone has a cap. */
const estates = async () => {
  const own = await estate()
  const here = await own.client()
  const there = await own.client()
  const moving = await own.client(here, true)
  for (const client of [here, there]) await own.grant(client, 100)
  for (const client of [here, there, moving]) await own.cap(client, 1_000)
  const move = (client: string, parent: string, over?: Parameters<Estate["caller"]>[0]) =>
    moveClient(own.caller(over), { client, parent })
  const detach = (client: string, over?: Parameters<Estate["caller"]>[0]) => detachClient(own.caller(over), { client })
  return { ...own, here, there, moving, move, detach }
}

describe("a client that moves", () => {
  it("stands below the new parent with all below it, and draws on its balance, within its caps", async () => {
    const { here, there, moving, ...own } = await estates()
    const below = await own.client(moving, true)
    await run(own.consume(below, 5))
    const moved = await run(own.move(moving, there))
    assert.deepInclude(moved, { parent: there, path: [there], payer: there, etag: "2" })
    const found = await read((db) => ClientView.get(db, own.caller(), below))
    assert.deepInclude(Result.getOrThrow(found), { parent: moving, path: [there, moving], payer: there, etag: "2" })
    await run(own.consume(below, 7))
    assert.strictEqual(await own.wallet(here), "95 left, 0 held")
    assert.strictEqual(await own.wallet(there), "93 left, 0 held")
    assert.strictEqual(await own.window(here), "5 used, 0 held")
    assert.strictEqual(await own.window(there), "7 used, 0 held")
    assert.strictEqual(await own.window(moving), "12 used, 0 held")
    assert.deepStrictEqual(await own.events(moving), [
      "client.created",
      "cap.set",
      "client.moved",
      "client.payer_changed"
    ])
    assert.deepStrictEqual(await own.events(below), ["client.created", "client.payer_changed"])
    await own.isSound()
  })

  it("moves once for a key, and not at all where it stands there already", async () => {
    const { there, moving, ...own } = await estates()
    const first = await run(own.move(moving, there, { key: "m" }))
    assert.deepStrictEqual(await run(own.move(moving, there, { key: "m" })), first)
    assert.deepStrictEqual(await run(own.move(moving, there)), first)
    assert.deepInclude(await refusal(own.move(moving, there, { ifMatch: "1" })), { _tag: "VersionStale" })
    const { rows } = await pool.query("select from client_move where organization_id = $1", [own.organization.id])
    assert.lengthOf(rows, 1)
  })

  it("becomes a root, and draws on its own wallet; and goes back, and becomes one again", async () => {
    const { here, moving, ...own } = await estates()
    const below = await own.client(moving, true)
    for (const _ of [1, 2]) {
      const detached = await run(own.detach(moving))
      assert.deepInclude(detached, { parent: null, path: [], payer: moving, usesParentBalance: false })
      assert.deepInclude(await refusal(own.detach(moving)), { reason: "no_parent" })
      await own.grant(moving, 10)
      await run(own.consume(below, 4))
      assert.deepInclude(await run(own.move(moving, here)), { parent: here, path: [here], payer: moving })
    }
    assert.strictEqual(await own.wallet(below), `12 left, 0 held of ${moving}`)
    assert.strictEqual(await own.window(here), "", "nothing has counted there")
    await run(own.consume(below, 1))
    assert.strictEqual(await own.window(here), "1 used, 0 held")
    assert.strictEqual(await own.window(moving), "9 used, 0 held")
    await own.isSound()
  })

  it("as a root takes its whole tree along", async () => {
    const { here, there, moving, ...own } = await estates()
    const hold = await own.hold(moving, 10)
    await run(own.move(here, there))
    assert.strictEqual(await own.wallet(moving), `90 left, 10 held of ${here}`)
    await run(own.capture(hold, 12))
    assert.strictEqual(await own.window(there), "2 used, 0 held")
    for (const client of [here, moving]) assert.strictEqual(await own.window(client), "12 used, 0 held")
    assert.deepInclude(await run(runDue(own.organization.id, start + minute)), { more: false })
    await own.isSound()
  })

  it("stays within the rules of a tree", async () => {
    const { here, there, moving, ...own } = await estates()
    const below = await own.client(moving)
    const reason = async (client: string, parent: string, over?: Parameters<Estate["caller"]>[0]) => {
      const refused = await refusal(own.move(client, parent, over))
      return "reason" in refused ? refused.reason : refused._tag
    }
    assert.strictEqual(await reason(moving, moving), "moves_below_itself")
    assert.strictEqual(await reason(here, below), "moves_below_itself")
    assert.strictEqual(
      await reason(moving, await Client.create(pool, own.organization, { currency: "EUR" })),
      "currency_differs"
    )
    let deep = there
    for (let depth = 2; depth <= 7; depth++) deep = await own.client(deep)
    assert.strictEqual(await reason(moving, deep), "parent_too_deep")
    assert.deepInclude(await run(own.move(below, deep)), { parent: deep })
    assert.strictEqual(await reason(moving, there, { reach: moving }), "NotFound")
    assert.strictEqual(await reason(moving, there, { reach: here }), "NotFound")
    const sibling = await own.client(here)
    assert.strictEqual(await reason(moving, sibling, { reach: moving }), "NotFound")
    assert.strictEqual(await reason(moving, below, { reach: moving }), "NotFound")
    assert.deepInclude(await refusal(own.detach(moving, { reach: moving })), { reason: "set_from_above" })
    assert.deepInclude(await refusal(own.detach(moving, { reach: here })), { reason: "set_from_above" })
    assert.deepInclude(await run(own.move(moving, sibling, { reach: here })), { path: [here, sibling] })
    await pool.query("update client set closed_at = now() where id = $1", [sibling])
    assert.strictEqual(await reason(there, sibling), "parent_closed")
    await own.isSound()
  })
})

describe("the holds of a client that moves away from who pays", () => {
  it("are settled in both trees alike, by the hold's own name, once for a key", async () => {
    const { here, there, moving, ...own } = await estates()
    const [whole, part, free] = [await own.hold(moving, 10), await own.hold(moving, 10), await own.hold(moving, 10)]
    await run(own.move(moving, there))
    for (const client of [here, moving]) assert.strictEqual(await own.window(client), "0 used, 30 held")
    assert.strictEqual(await own.wallet(here), "70 left, 30 held")
    assert.strictEqual(await own.wallet(moving), `100 left, 0 held of ${there}`)

    assert.deepInclude(await refusal(own.capture(whole, 11)), { _tag: "InsufficientCredits", available: 10n * credit })
    const captured = await run(own.capture(whole, null, { key: "again" }))
    assert.deepInclude(captured.entry, { payer: here, client: moving, amount: 10n * credit })
    assert.deepStrictEqual(await run(own.capture(whole, null, { key: "again" })), { ...captured, replayed: true })
    assert.deepInclude(await refusal(own.capture(whole, null)), { _tag: "HoldSettled", outcome: "captured" })
    assert.deepInclude(await refusal(own.capture(whole, 3, { key: "again" })), { _tag: "KeyReused" })
    await run(own.capture(part, 4))
    await run(own.release(free))
    for (const client of [here, moving]) assert.strictEqual(await own.window(client), "14 used, 0 held")
    assert.strictEqual(await own.wallet(here), "86 left, 0 held")
    assert.strictEqual(await own.window(there), "")
    await own.isSound()
  })

  it("are the client's: neither the former parent nor the new one's neighbours reach them", async () => {
    const { here, there, moving, ...own } = await estates()
    const hold = await own.hold(moving, 10)
    await run(own.move(moving, there))
    assert.deepInclude(await refusal(own.capture(hold, 1, { reach: here })), { _tag: "NotFound", what: "hold" })
    assert.isTrue(Result.isSuccess(await attempt(own.capture(hold, 1, { reach: there }))))
    await own.isSound()
  })

  it("end by themselves in each tree, and in both at once", async () => {
    const { here, there, moving, ...own } = await estates()
    await own.hold(moving, 10)
    const lease = await own.lease(moving, 5, minute)
    await run(own.move(moving, there))
    const late = { now: start + minute }
    await run(own.consume(there, 1, late))
    assert.strictEqual(await own.window(here), "0 used, 15 held")
    assert.strictEqual(await own.window(moving), "5 used, 0 held")
    await own.isSound()
    assert.deepInclude(await refusal(own.capture(lease, null, late)), { _tag: "HoldSettled", outcome: "captured" })
    await run(runDue(own.organization.id, late.now))
    for (const client of [here, moving]) assert.strictEqual(await own.window(client), "5 used, 0 held")
    assert.strictEqual(await own.wallet(here, late), "95 left, 0 held")
    await own.isSound()
  })

  it("of whom the caps alone are elsewhere, are settled with more than they hold", async () => {
    const { here, there, ...own } = await estates()
    const spender = await own.client(here)
    await own.grant(spender, 20)
    await own.cap(spender, 1_000)
    const hold = await own.hold(spender, 10)
    await run(own.move(spender, there))
    const { entry } = await run(own.capture(hold, 13))
    assert.deepInclude(entry, { payer: spender, amount: 13n * credit })
    assert.strictEqual(await own.window(here), "10 used, 0 held")
    assert.strictEqual(await own.window(spender), "13 used, 0 held")
    assert.strictEqual(await own.window(there), "3 used, 0 held")
    // What was beyond the hold comes back first, and from the windows that counted it.
    const reverse = (amount: bigint | null) => run(reverseDebit(own.caller(), { entry, amount }))
    await reverse(2n * credit)
    assert.strictEqual(await own.window(here), "10 used, 0 held")
    assert.strictEqual(await own.window(there), "1 used, 0 held")
    await reverse(4n * credit)
    assert.strictEqual(await own.window(here), "7 used, 0 held")
    assert.strictEqual(await own.window(spender), "7 used, 0 held")
    await reverse(null)
    for (const client of [here, there, spender]) assert.strictEqual(await own.window(client), "0 used, 0 held")
    assert.strictEqual(await own.wallet(spender), "20 left, 0 held")
    assert.deepInclude(await refusal(reverseDebit(own.caller(), { entry, amount: null })), { _tag: "NotReversible" })
    await own.isSound()
  })

  it("of which nothing is in the new tree, stay where they are", async () => {
    const own = await estate()
    const [here, there] = [await own.client(), await own.client()]
    const moving = await own.client(here, true)
    await own.grant(here, 50)
    await own.cap(here, 1_000)
    const [first, second] = [await own.hold(moving, 10), await own.lease(moving, 5, minute)]
    await own.hold(moving, 20)
    await run(moveClient(own.caller(), { client: moving, parent: there }))
    await run(own.capture(first, 6))
    await run(settleLease(own.caller(), { lease: second, spent: 2n * credit }))
    assert.strictEqual(await own.window(here), "8 used, 20 held")
    await run(runDue(own.organization.id, start + minute))
    assert.strictEqual(await own.window(here), "8 used, 0 held")
    assert.strictEqual(await own.wallet(here, { now: start + minute }), "42 left, 0 held")
    await own.isSound()
  })

  it("go on moving, but are not cut twice", async () => {
    const { here, there, moving, ...own } = await estates()
    const below = await own.client(moving, true)
    await own.cap(below, 1_000)
    const hold = await own.hold(below, 10)
    await run(own.move(moving, there))
    assert.deepInclude(await refusal(own.move(below, here)), { reason: "holds_open" })
    await run(own.move(moving, here))
    await run(own.detach(moving))
    await run(own.capture(hold, 10))
    for (const client of [here, moving, below]) assert.strictEqual(await own.window(client), "10 used, 0 held")
    assert.deepInclude(await run(own.move(below, there)), { parent: there })
    await own.isSound()
  })
})

describe("a debit of a client that has moved", () => {
  it("is given back to who paid, and to the windows that counted it", async () => {
    const { here, there, moving, ...own } = await estates()
    const { entry } = await run(own.consume(moving, 9))
    await run(own.move(moving, there))
    await run(own.consume(moving, 3))
    const reverse = (amount: bigint | null, over?: Parameters<Estate["caller"]>[0]) =>
      reverseDebit(own.caller(over), { entry, amount })
    assert.deepInclude(await refusal(reverse(null, { reach: here })), { _tag: "NotFound", what: "entry" })
    await run(reverse(4n * credit, { reach: moving }))
    assert.strictEqual(await own.window(here), "5 used, 0 held")
    assert.strictEqual(await own.window(moving), "8 used, 0 held")
    assert.strictEqual(await own.wallet(here), "95 left, 0 held")
    assert.strictEqual(await own.wallet(there), "97 left, 0 held")
    await own.isSound()
  })
})

describe("below a suspended client", () => {
  it("nothing that has moved there spends, and what moves away from it does again", async () => {
    const { here, there, moving, ...own } = await estates()
    await run(suspendClient(own.caller(), { client: there, reason: null, note: null }))
    const hold = await own.hold(moving, 10)
    assert.deepInclude(await run(own.move(moving, there)), { status: "active", effectiveStatus: "suspended" })
    assert.deepInclude(await refusal(own.consume(moving, 1)), { _tag: "AncestorSuspended", ancestor: there })
    await run(own.capture(hold, 10))
    assert.deepInclude(await run(own.move(moving, here)), { effectiveStatus: "active" })
    await run(own.consume(moving, 1))
    await run(own.move(moving, there))
    await run(reactivateClient(own.caller({ now: start + 1 }), { client: there }))
    await run(own.consume(moving, 1, { now: start + 1 }))
    await own.isSound()
  })

  it("a clock that stood goes on after the move, from present facts", async () => {
    const { here, there, ...own } = await estates()
    const subscriber = await own.client(there)
    await run(plan(own.caller()))
    await run(
      createSubscription(own.caller(), { client: subscriber, plan: "basic", seats: undefined, trial: undefined })
    )
    await run(own.consume(subscriber, 30))
    await run(suspendClient(own.caller(), { client: there, reason: null, note: null }))
    const now = start + 40 * day
    await run(runDue(own.organization.id, now))
    assert.deepInclude(await run(own.move(subscriber, here, { now })), { effectiveStatus: "active" })
    await run(runDue(own.organization.id, now))
    const { lots } = await run(getBalance(own.caller({ now }), { client: subscriber }))
    assert.deepStrictEqual(lotsOf(lots), ["included 100"])
    await own.isSound()
  })
})
