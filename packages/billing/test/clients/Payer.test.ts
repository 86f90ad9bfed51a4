import { createSubscription, reverseDebit, runDue } from "@capstan/billing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { attempt, credit, day, plan, pool, refusal, run, start } from "../World.ts"
import { type Estate, estate } from "./Estate.ts"

/** A parent and a child with ten credits each, caps on both. */
const family = async (): Promise<Estate & { readonly parent: string; readonly child: string }> => {
  const own = await estate()
  const parent = await own.client()
  const child = await own.client(parent)
  await own.grant(parent, 10)
  await own.grant(child, 10)
  await own.cap(parent, 1_000)
  await own.cap(child, 1_000)
  return { ...own, parent, child }
}

const records = async ({ organization }: Estate, client: string) => {
  const { rows } = await pool.query<{ payer_id: string }>(
    "select payer_id from payer_of_record where organization_id = $1 and client_id = $2 order by number",
    [organization.id, client]
  )
  return rows.map(({ payer_id }) => payer_id)
}

describe("a client that comes to draw on its parent's balance", () => {
  it("leaves its own lots to sleep, as they are when they wake up", async () => {
    const { child, parent, ...own } = await family()
    const below = await own.client(child, true)
    assert.strictEqual(await own.draw(child, true), "")
    assert.strictEqual(await own.wallet(child), `10 left, 0 held of ${parent}`)
    const { entry } = await run(own.consume(below, 3))
    assert.strictEqual(entry.payer, parent)
    assert.strictEqual(await own.draw(child, false), "")
    assert.strictEqual(await own.wallet(child), "10 left, 0 held")
    assert.strictEqual(await own.wallet(parent), "7 left, 0 held")
    assert.deepStrictEqual(await records(own, child), [child, parent, child])
    assert.deepStrictEqual(await records(own, below), [child, parent, child])
    const changes = ["client.payer_changed", "client.payer_changed"]
    assert.deepStrictEqual((await own.events(below)).slice(1), changes)
    assert.strictEqual(await own.draw(child, false), "", "nothing to do")
    assert.deepStrictEqual(await records(own, child), [child, parent, child])
    await own.isSound()
  })

  it("loses what has ended meanwhile, once it wakes up", async () => {
    const { child, ...own } = await family()
    await own.grant(child, 5, { expiresAt: start + day })
    await own.draw(child, true)
    const asleep = await run(runDue(own.organization.id, start + 2 * day))
    assert.deepInclude(asleep, { expiry: 0, more: false })
    await own.draw(child, false, { now: start + 2 * day })
    assert.strictEqual(await own.wallet(child, { now: start + 2 * day }), "10 left, 0 held")
    assert.deepInclude(await run(runDue(own.organization.id, start + 2 * day)), { expiry: 1, more: false })
    await own.isSound()
  })

  it("settles its holds where they were made, as far as they go", async () => {
    const { child, parent, ...own } = await family()
    const [captured, partly, released, lapsing] = [
      await own.hold(child, 3),
      await own.hold(child, 2),
      await own.hold(child, 1),
      await own.hold(child, 4)
    ]
    await own.draw(child, true)
    const beyond = await refusal(own.capture(captured, 4))
    const [asked, available] = [4n * credit, 3n * credit]
    assert.deepStrictEqual(beyond, { _tag: "InsufficientCredits", asked, available, missing: credit })
    const first = await run(own.capture(captured, 3, { key: "again" }))
    assert.deepInclude(first.entry, { payer: child, client: child, amount: 3n * credit })
    assert.deepStrictEqual(await run(own.capture(captured, 3, { key: "again" })), { ...first, replayed: true })
    await run(own.capture(partly, 1))
    await run(own.release(released))
    assert.strictEqual(await own.wallet(child), `10 left, 0 held of ${parent}`)
    assert.deepInclude(await refusal(own.capture(lapsing, 1, { now: start + 60_000 })), { outcome: "expired" })
    await run(own.consume(child, 1, { now: start + 60_000 }))
    for (const client of [parent, child]) assert.strictEqual(await own.window(client), "5 used, 0 held")
    await own.draw(child, false, { now: start + 60_000 })
    assert.strictEqual(await own.wallet(child, { now: start + 60_000 }), "6 left, 0 held")
    await own.isSound()
  })

  it("gets a debit back where it came from, whoever pays now", async () => {
    const { child, parent, ...own } = await family()
    const { entry } = await run(own.consume(child, 4))
    await own.draw(child, true)
    const shared = (await run(own.consume(child, 2))).entry
    const reverse = ({ payer, seq }: typeof entry, amount: bigint | null, key: string) =>
      reverseDebit(own.caller({ key }), { entry: { payer, seq }, amount })
    const first = await run(reverse(entry, 3n * credit, "a"))
    assert.deepInclude(first.entry, { payer: child, client: child, amount: 3n * credit })
    assert.deepStrictEqual(await run(reverse(entry, 3n * credit, "a")), { ...first, replayed: true })
    assert.strictEqual(await own.window(parent), "3 used, 0 held")
    await own.draw(child, false)
    await run(reverse(shared, null, "b"))
    await run(reverse(entry, null, "c"))
    assert.deepInclude(await refusal(reverse(entry, null, "d")), { _tag: "NotReversible" })
    assert.strictEqual(await own.wallet(child), "10 left, 0 held")
    assert.strictEqual(await own.wallet(parent), "10 left, 0 held")
    for (const client of [parent, child]) assert.strictEqual(await own.window(client), "0 used, 0 held")
    await own.isSound()
  })

  it("is refused where it has no parent, subscribes to credits of its own, or asks itself", async () => {
    const { child, parent, ...own } = await family()
    assert.strictEqual(await own.draw(parent, true), "no_parent")
    assert.strictEqual(await own.draw(child, true, { reach: child }), "set_from_above")
    await run(plan(own.caller()))
    await run(createSubscription(own.caller(), { client: child, plan: "basic", seats: undefined, trial: undefined }))
    assert.strictEqual(await own.draw(child, true), "not_admissible")
    assert.deepStrictEqual(await records(own, child), [child])
    assert.isTrue(Result.isSuccess(await attempt(own.consume(child, 1))))
    await own.isSound()
  })
})
