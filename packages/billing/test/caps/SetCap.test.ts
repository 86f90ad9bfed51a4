import { consumeCredits, setCap } from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { CapView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, day, grant, pool, read, refusal, run, spend, start, type World, world } from "../World.ts"

const usd = "USD" as Currency.Currency
const dollars = (amount: number) => ({ amount: Money.Minor.make(BigInt(amount) * 100n), currency: usd })

const cap = (client: string) => ({
  client,
  name: "default",
  limit: dollars(10),
  every: "month" as const,
  scope: "extra" as const,
  enforcement: "hard" as const,
  thresholds: [50, 100]
})

/** A client whose credits cost a dollar each. */
const payer = async ({ organization, caller }: World) => {
  const client = await Client.create(pool, organization)
  await run(grant(caller(), client, 1_000n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
  return client
}
const used = (dollars: bigint) => dollars * 100_000_000n

const thresholds = async (client: string) => {
  const { rows } = await pool.query<{ readonly percent: string }>(
    "select payload->>'percent' as percent from event where client_id = $1 and kind = 'spending_threshold.reached' order by number",
    [client]
  )
  return rows.map(({ percent }) => Number(percent))
}

describe("setCap", () => {
  it("caps from now on, tells the window, and is told of", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const set = await run(setCap(caller({ key: "c" }), cap(client)))
    assert.deepInclude(set, { client, name: "default", limit: dollars(10), every: "month", enforcement: "hard" })
    assert.deepStrictEqual(set.window, {
      start,
      resetsAt: start + 31 * day,
      used: 0n,
      held: 0n,
      headroom: used(10n)
    })
    await run(consumeCredits(caller(), spend(client, 7n * credit)))
    assert.deepInclude(await refusal(consumeCredits(caller(), spend(client, 4n * credit))), {
      _tag: "SpendingCapReached",
      cap: set.id,
      used: used(7n),
      resetsAt: start + 31 * day
    })
    const listed = await read((db) => CapView.list(db, caller(), client, start, { limit: 20 }))
    const now = { ...set, window: { ...set.window, used: used(7n), headroom: used(3n) } }
    assert.deepStrictEqual(Result.getOrThrow(listed), { items: [now], nextCursor: null })
    assert.deepStrictEqual(await run(setCap(caller({ key: "c" }), cap(client))), set)
    const { rows } = await pool.query("select payload from event where client_id = $1 and kind = 'cap.set'", [client])
    assert.strictEqual(rows.length, 1)
    assert.deepInclude(rows[0].payload, { before: null })
    assert.deepInclude(rows[0].payload.after, { cap: set.id, limit: "1000", every: "month" })
  })

  it("changed by name keeps what is used: lowered it blocks at once, raised it tells again", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const { id } = await run(setCap(caller(), cap(client)))
    await run(consumeCredits(caller(), spend(client, 6n * credit)))
    assert.deepStrictEqual(await thresholds(client), [50])
    const lowered = await run(setCap(caller(), { ...cap(client), limit: dollars(5) }))
    assert.deepInclude(lowered, { id })
    assert.deepInclude(lowered.window, { used: used(6n), headroom: 0n })
    assert.strictEqual((await refusal(consumeCredits(caller(), spend(client, 1n))))._tag, "SpendingCapReached")
    await run(setCap(caller(), { ...cap(client), limit: dollars(20) }))
    await run(consumeCredits(caller(), spend(client, 4n * credit)))
    assert.deepStrictEqual(await thresholds(client), [50, 50])
    const { rows } = await pool.query("select version from cap where client_id = $1", [client])
    assert.deepStrictEqual(rows, [{ version: 3n }])
  })

  it("of another window or scope counts anew, but not while its window counts anything", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const { id } = await run(setCap(caller(), cap(client)))
    await run(consumeCredits(caller(), spend(client, 9n * credit)))
    for (const other of [{ every: "week" }, { scope: "all" }] as const)
      assert.deepInclude(await refusal(setCap(caller(), { ...cap(client), ...other })), { reason: "cap_in_use" })
    const later = caller({ now: start + 31 * day })
    const weekly = await run(setCap(later, { ...cap(client), every: "week" }))
    assert.notStrictEqual(weekly.id, id)
    assert.strictEqual(weekly.window.used, 0n)
    await run(consumeCredits(caller({ now: start + 31 * day }), spend(client, 10n * credit)))
    const listed = Result.getOrThrow(
      await read((db) => CapView.list(db, caller(), client, start + 31 * day, { limit: 20 }))
    )
    assert.deepStrictEqual(
      listed.items.map(({ id, window }) => [id, window.used]),
      [[weekly.id, used(10n)]]
    )
  })

  it("needs the client's currency, a version that is not stale, and the client within reach", async () => {
    const [here, other] = [await world(), await world()]
    const client = await payer(here)
    const { caller } = here
    const limit = { amount: Money.Minor.make(1n), currency: "EUR" as Currency.Currency }
    assert.deepInclude(await refusal(setCap(caller(), { ...cap(client), limit })), { reason: "currency_differs" })
    // What is not there yet has not been seen.
    assert.deepStrictEqual(await refusal(setCap(caller({ ifMatch: "1" }), cap(client))), {
      _tag: "VersionStale",
      current: "0"
    })
    assert.deepInclude(await refusal(setCap(other.caller(), cap(client))), { _tag: "NotFound" })
    const { rows } = await pool.query("select 1 from cap where client_id = $1", [client])
    assert.deepStrictEqual(rows, [])
  })

  it("is refused to whoever has seen an older version, also where another window made a new cap", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    assert.strictEqual((await run(setCap(caller(), cap(client)))).etag, "1")
    const weekly = { ...cap(client), every: "week" as const }
    assert.strictEqual((await run(setCap(caller({ ifMatch: "1" }), weekly))).etag, "2")
    for (const input of [cap(client), weekly])
      assert.deepStrictEqual(await refusal(setCap(caller({ ifMatch: "1" }), input)), {
        _tag: "VersionStale",
        current: "2"
      })
    const { items } = Result.getOrThrow(await read((db) => CapView.list(db, caller(), client, start, { limit: 20 })))
    assert.deepStrictEqual(
      items.map(({ etag, every }) => [etag, every]),
      [["2", "week"]]
    )
  })

  it("of a parent caps the child that draws on its own wallet, too", async () => {
    const here = await world()
    const parent = await Client.create(pool, here.organization)
    const child = await Client.create(pool, here.organization, { parent })
    const { caller } = here
    await run(grant(caller(), child, 100n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
    const { id } = await run(setCap(caller(), cap(parent)))
    assert.deepInclude(await refusal(consumeCredits(caller(), spend(child, 11n * credit))), { cap: id, client: parent })
    await run(consumeCredits(caller(), spend(child, 10n * credit)))
    const page = await read((db) => CapView.list(db, caller(), child, start, { limit: 20 }))
    assert.deepStrictEqual(page, Result.succeed({ items: [], nextCursor: null }))
  })

  it("pages of caps go by name", async () => {
    const { organization, caller } = await world()
    const client = await Client.create(pool, organization)
    for (const name of ["c", "a", "b"]) await run(setCap(caller(), { ...cap(client), name }))
    const first = Result.getOrThrow(await read((db) => CapView.list(db, caller(), client, start, { limit: 2 })))
    const rest = await read((db) =>
      CapView.list(db, caller(), client, start, { limit: 2, cursor: first.nextCursor ?? undefined })
    )
    const names = [...first.items, ...Result.getOrThrow(rest).items].map(({ name }) => name)
    assert.deepStrictEqual(names, ["a", "b", "c"])
    assert.strictEqual(Result.getOrThrow(rest).nextCursor, null)
  })
})
