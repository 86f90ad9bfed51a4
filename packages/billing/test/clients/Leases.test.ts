/** Leases of clients that move, are paid for by another, or are suspended, while their holder spends on. */
import {
  captureHold,
  moveClient,
  releaseHold,
  renewLease,
  reverseDebit,
  runDue,
  settleLease,
  suspendClient
} from "@capstan/billing"
import type { Caller } from "@capstan/store"
import { Effect, Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, credit, refusal, run, start } from "../World.ts"
import { estate } from "./Estate.ts"

const minute = 60_000

/** Two trees; of the first, a client that draws on its root's wallet. Everyone has a cap, and the client a lease of ten. */
const leased = async () => {
  const own = await estate()
  const here = await own.client()
  const there = await own.client()
  const client = await own.client(here, true)
  for (const root of [here, there]) await own.grant(root, 100)
  for (const capped of [here, there, client]) await own.cap(capped, 1_000)
  const lease = await own.lease(client, 10, minute)
  const move = () => run(moveClient(own.caller(), { client, parent: there }))
  const settle = (spent: number, over?: Partial<Caller>) =>
    settleLease(own.caller(over), { lease, spent: BigInt(spent) * credit })
  const renew = (spent: number, amount: number, over?: Partial<Caller>) => {
    const slice = { amount: BigInt(amount) * credit, feature: null, allowPartial: false, expiresIn: minute }
    return renewLease(own.caller(over), { lease, spent: BigInt(spent) * credit, ...slice }).pipe(
      Effect.mapError((refused) => (refused._tag === "NotRenewed" ? refused.refusal : refused))
    )
  }
  const windows = async () => Promise.all([here, client, there].map(own.window))
  return { ...own, here, there, client, lease, move, settle, renew, windows }
}

describe("a lease that a move has cut in two", () => {
  it("is settled in both trees with what was spent, once for a key, and is no ordinary hold", async () => {
    const { move, settle, ...own } = await leased()
    await move()
    assert.deepStrictEqual(await own.windows(), ["0 used, 10 held", "0 used, 10 held", ""])
    assert.deepInclude(await refusal(releaseHold(own.caller(), { hold: own.lease })), { _tag: "HoldIsLease" })
    const whole = { hold: own.lease, amount: null, feature: null, allowPartial: false }
    assert.deepInclude(await refusal(captureHold(own.caller(), whole)), { _tag: "HoldIsLease" })
    assert.deepInclude(await refusal(settle(11)), { _tag: "BeyondLease" })
    const settled = await run(settle(3, { key: "once" }))
    assert.deepInclude(settled.entry, { payer: own.here, client: own.client, amount: 3n * credit })
    assert.deepStrictEqual(await run(settle(3, { key: "once" })), { ...settled, replayed: true })
    assert.deepInclude(await refusal(settle(4)), { _tag: "HoldSettled", outcome: "captured" })
    assert.deepStrictEqual(await own.windows(), ["3 used, 0 held", "3 used, 0 held", ""])
    assert.strictEqual(await own.wallet(own.here), "97 left, 0 held")
    await run(reverseDebit(own.caller(), { entry: settled.entry, amount: 2n * credit }))
    assert.deepStrictEqual(await own.windows(), ["1 used, 0 held", "1 used, 0 held", ""])
    await own.isSound()
  })

  it("of which nothing was spent gives all of it back", async () => {
    const { move, settle, ...own } = await leased()
    await move()
    await run(settle(0))
    assert.deepStrictEqual(await own.windows(), ["0 used, 0 held", "0 used, 0 held", ""])
    assert.strictEqual(await own.wallet(own.here), "100 left, 0 held")
    await run(runDue(own.organization.id, start + minute))
    await own.isSound()
  })

  it("is renewed from the new payer, and a retry of that finds both", async () => {
    const { move, renew, ...own } = await leased()
    await move()
    const renewed = await run(renew(4, 8, { key: "again" }))
    assert.deepInclude(renewed.settled.entry, { payer: own.here, amount: 4n * credit })
    assert.deepInclude(renewed.leased.entry, { payer: own.there, amount: 8n * credit })
    const again = await run(renew(4, 8, { key: "again" }))
    assert.deepStrictEqual(again.settled.entry, renewed.settled.entry)
    assert.deepStrictEqual(again.leased.entry, renewed.leased.entry)
    assert.deepStrictEqual(await own.windows(), ["4 used, 0 held", "4 used, 8 held", "0 used, 8 held"])
    assert.strictEqual(await own.wallet(own.here), "96 left, 0 held")
    assert.strictEqual(await own.wallet(own.there), "92 left, 8 held")
    await run(runDue(own.organization.id, start + minute))
    assert.deepStrictEqual(await own.windows(), ["4 used, 0 held", "12 used, 0 held", "8 used, 0 held"])
    await own.isSound()
  })

  it("that nobody settles is captured whole in both trees, whichever is looked at first", async () => {
    for (const first of ["here", "there"] as const) {
      const { move, settle, ...own } = await leased()
      await move()
      const late = { now: start + minute }
      await run(own.consume(own[first], 1, late))
      assert.deepInclude(await refusal(settle(0, late)), { _tag: "HoldSettled", outcome: "captured" })
      // One whose clock is behind comes too late as well.
      assert.deepInclude(await refusal(settle(0, { now: start + minute - 1 })), { _tag: "HoldSettled" })
      await run(runDue(own.organization.id, late.now))
      const [above, itself] = await own.windows()
      assert.strictEqual(above, first === "here" ? "11 used, 0 held" : "10 used, 0 held")
      assert.strictEqual(itself, "10 used, 0 held")
      await own.isSound()
    }
  })

  it("that has ended by itself is given back in both trees, and to who paid", async () => {
    const { move, ...own } = await leased()
    await move()
    const late = { now: start + minute }
    await run(runDue(own.organization.id, late.now))
    assert.deepStrictEqual(await own.windows(), ["10 used, 0 held", "10 used, 0 held", ""])
    const entry = { payer: own.here, seq: 3 }
    await run(reverseDebit(own.caller(late), { entry, amount: 4n * credit }))
    assert.deepStrictEqual(await own.windows(), ["6 used, 0 held", "6 used, 0 held", ""])
    await run(reverseDebit(own.caller(late), { entry, amount: null }))
    assert.deepStrictEqual(await own.windows(), ["0 used, 0 held", "0 used, 0 held", ""])
    assert.strictEqual(await own.wallet(own.here, late), "100 left, 0 held")
    await own.isSound()
  })

  it("goes back with its client, and is settled as if it had never left", async () => {
    const { move, settle, ...own } = await leased()
    await move()
    await run(moveClient(own.caller(), { client: own.client, parent: own.here }))
    await run(settle(6))
    assert.deepStrictEqual(await own.windows(), ["6 used, 0 held", "6 used, 0 held", ""])
    await own.isSound()
  })

  it("is settled once by two that come at once, beside the end of it", async () => {
    const { move, settle, ...own } = await leased()
    await move()
    const ending = run(runDue(own.organization.id, start + minute))
    const late = attempt(settle(7, { now: start + minute }))
    const answers = await Promise.all([attempt(settle(2)), attempt(settle(5)), late])
    assert.isAtMost(answers.filter(Result.isSuccess).length, 1)
    await ending
    await run(runDue(own.organization.id, start + minute))
    const [above, itself] = await own.windows()
    assert.strictEqual(above, itself)
    await own.isSound()
  })
})

describe("a lease", () => {
  it("of a client that pays for itself by now is settled with who paid, and renewed from its own wallet", async () => {
    const { renew, ...own } = await leased()
    assert.strictEqual(await own.draw(own.client, false), "")
    await own.grant(own.client, 20)
    const renewed = await run(renew(10, 5))
    assert.deepInclude(renewed.settled.entry, { payer: own.here })
    assert.deepInclude(renewed.leased.entry, { payer: own.client })
    assert.strictEqual(await own.wallet(own.client), "15 left, 5 held")
    assert.strictEqual(await own.wallet(own.here), "90 left, 0 held")
    await own.isSound()
  })

  it("of a client that is suspended is settled, and not renewed", async () => {
    const { renew, move, ...own } = await leased()
    await move()
    await run(suspendClient(own.caller(), { client: own.there, reason: null, note: null }))
    assert.deepInclude(await refusal(renew(2, 5)), { _tag: "AncestorSuspended", ancestor: own.there })
    assert.deepStrictEqual(await own.windows(), ["2 used, 0 held", "2 used, 0 held", ""])
    await own.isSound()
  })
})
