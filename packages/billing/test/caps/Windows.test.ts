/** Caps of members and meters, windows that are reset, caps that are removed, and what is foretold of them. */
import {
  captureHold,
  checkCredits,
  consumeCredits,
  createSubscription,
  releaseHold,
  removeCap,
  reserveCredits,
  resetWindow,
  reverseDebit,
  setCap
} from "@capstan/billing"
import { type Currency, Money, Rate } from "@capstan/domain"
import { CapView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, day, grant, plan, pool, read, refusal, run, spend, start, type World, world } from "../World.ts"

const usd = "USD" as Currency.Currency
const dollars = (amount: number) => ({ amount: Money.Minor.make(BigInt(amount) * 100n), currency: usd })
const cost = (dollars: bigint) => dollars * 100_000_000n

const cap = (client: string, over: Partial<Parameters<typeof setCap>[1]> = {}) => ({
  client,
  name: "default",
  limit: dollars(10),
  every: "month" as const,
  scope: "extra" as const,
  enforcement: "hard" as const,
  thresholds: [50, 100],
  ...over
})

/** A client whose credits cost a dollar each. */
const payer = async ({ organization, caller }: World, options: Client.Options = {}) => {
  const client = await Client.create(pool, organization, options)
  await run(grant(caller(), client, 1_000n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
  return client
}

const listed = async ({ caller }: World, client: string, at = start) =>
  Result.getOrThrow(await read((db) => CapView.list(db, caller(), client, at, { limit: 20 }))).items

const events = async (client: string, kind: string) => {
  const { rows } = await pool.query<{ readonly payload: Record<string, unknown> }>(
    "select payload from event where client_id = $1 and kind = $2 order by number",
    [client, kind]
  )
  return rows.map(({ payload }) => payload)
}

describe("a cap of a member, or on a meter", () => {
  it("counts only what that member spends on it, and refuses nobody else", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const ann = await run(setCap(caller(), cap(client, { name: "ann", limit: dollars(3), member: "ann" })))
    await run(setCap(caller(), cap(client, { name: "chat", limit: dollars(5), member: "ann", meter: "chat.tokens" })))
    assert.deepInclude(ann, { member: "ann", meter: null, committed: 0n })
    await run(consumeCredits(caller(), { ...spend(client, 2n * credit), member: "ann", meter: "images" }))
    await run(consumeCredits(caller(), spend(client, 50n * credit)))
    await run(consumeCredits(caller(), { ...spend(client, 50n * credit), member: "bob", meter: "chat.tokens" }))
    const refused = await refusal(consumeCredits(caller(), { ...spend(client, 2n * credit), member: "ann" }))
    assert.deepInclude(refused, { _tag: "SpendingCapReached", cap: ann.id, available: credit, used: cost(2n) })
    await run(consumeCredits(caller(), { ...spend(client, credit), member: "ann", meter: "chat.tokens" }))
    assert.deepStrictEqual(
      (await listed(here, client)).map(({ name, window }) => [name, window.used]),
      [
        ["ann", cost(3n)],
        ["chat", cost(1n)]
      ]
    )
  })

  it("counts a hold, its settlement, and what is captured beyond it for whom the hold was", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    await run(setCap(caller(), cap(client, { limit: dollars(5), member: "ann" })))
    const hold = { client, amount: 2n * credit, feature: null, allowPartial: false, expiresIn: 60_000 }
    const held = await run(reserveCredits(caller(), { ...hold, member: "ann" }))
    const id = held.entry.hold ?? assert.fail("no hold")
    assert.deepInclude(held.entry, { member: "ann", meter: null })
    const capture = { hold: id, feature: null, allowPartial: false }
    assert.deepInclude(await refusal(captureHold(caller(), { ...capture, amount: 6n * credit })), {
      _tag: "SpendingCapReached"
    })
    const captured = await run(captureHold(caller(), { ...capture, amount: 4n * credit }))
    assert.deepInclude(captured.entry, { member: "ann" })
    const [{ window } = assert.fail("no cap")] = await listed(here, client)
    assert.deepInclude(window, { used: cost(4n), held: 0n })
  })
})

describe("resetWindow", () => {
  it("stays behind the window that it ended, also where the calendar has become another", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    // The month of the calendar is over, and the client's own has begun before the reset.
    const later = () => caller({ now: start + 31 * day })
    const anew = () => run(setCap(later(), cap(client, { name: "other", limit: dollars(100) })))
    await run(setCap(caller(), cap(client, { every: "billing_period" })))
    await run(plan(caller(), { terms: { credits: 0n } }))
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    await run(
      createSubscription(caller({ now: start + 9 * day }), {
        client,
        plan: "basic",
        seats: undefined,
        trial: undefined
      })
    )
    await run(resetWindow(caller({ now: start + 20 * day }), { client, name: "default" }))
    await run(consumeCredits(later(), spend(client, 10n * credit)))
    await anew()
    assert.deepInclude(await refusal(consumeCredits(later(), spend(client, 1n))), { _tag: "SpendingCapReached" })
    assert.deepInclude((await listed(here, client, start + 31 * day))[0]?.window, {
      start: start + 31 * day,
      resetsAt: start + 40 * day,
      used: cost(10n)
    })
  })

  it("counts anew at once, ends as the old window would have, and is told of with what was counted", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const set = await run(setCap(caller(), cap(client)))
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    const at = start + day
    const reset = await run(resetWindow(caller({ now: at }), { client, name: "default" }))
    assert.deepStrictEqual(reset, {
      ...set,
      window: { start: at, resetsAt: start + 31 * day, used: 0n, held: 0n, headroom: cost(10n) }
    })
    await run(consumeCredits(caller({ now: at }), spend(client, 10n * credit)))
    assert.deepInclude(await refusal(consumeCredits(caller({ now: at + 1 }), spend(client, 1n))), {
      _tag: "SpendingCapReached"
    })
    const [told] = await events(client, "cap.window_reset")
    assert.deepInclude(told, { cap: set.id, start: at })
    assert.deepInclude(told?.["before"] as object, { start, used: "1000", held: "0" })
    const { rows } = await pool.query<{ readonly starts_at: number; readonly ends_at: number; readonly used: bigint }>(
      "select starts_at, ends_at, used from cap_window where cap_id = $1 order by starts_at",
      [set.id]
    )
    assert.deepStrictEqual(
      rows.map(({ starts_at, ends_at, used }) => [Number(starts_at), Number(ends_at), used]),
      [
        [start, at, cost(10n)],
        [at, start + 31 * day, cost(10n)]
      ]
    )
    // The next is the calendar's own.
    await run(consumeCredits(caller({ now: start + 31 * day }), spend(client, 10n * credit)))
    assert.strictEqual((await events(client, "spending_threshold.reached")).length, 3)
  })

  it("settles what was held before in the window of before, and gives a debit back there", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    await run(setCap(caller(), cap(client, { every: "lifetime" })))
    const hold = { client, amount: 4n * credit, feature: null, allowPartial: false, expiresIn: 30 * day }
    const [one, two] = [await run(reserveCredits(caller(), hold)), await run(reserveCredits(caller(), hold))]
    const debit = await run(consumeCredits(caller(), spend(client, 2n * credit)))
    await run(resetWindow(caller({ now: start + day }), { client, name: "default" }))
    const later = () => caller({ now: start + 2 * day })
    await run(captureHold(later(), { hold: one.entry.hold ?? "", amount: null, feature: null, allowPartial: false }))
    await run(releaseHold(later(), { hold: two.entry.hold ?? "" }))
    await run(reverseDebit(later(), { entry: debit.entry, amount: null }))
    const [{ id, window } = assert.fail("no cap")] = await listed(here, client, start + 2 * day)
    assert.deepInclude(window, { start: start + day, resetsAt: null, used: 0n, held: 0n })
    await run(consumeCredits(later(), spend(client, 10n * credit)))
    const { rows } = await pool.query("select used, held from cap_window where cap_id = $1 order by starts_at", [id])
    assert.deepStrictEqual(rows, [
      { used: cost(4n), held: 0n },
      { used: cost(10n), held: 0n }
    ])
  })

  it("at the very instant that the window began starts the next a millisecond later", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    await run(setCap(caller(), cap(client)))
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    const { window } = await run(resetWindow(caller(), { client, name: "default" }))
    assert.deepInclude(window, { start: start + 1, used: 0n })
    const again = await run(resetWindow(caller(), { client, name: "default" }))
    assert.deepInclude(again.window, { start: start + 2, used: 0n })
    await run(consumeCredits(caller(), spend(client, 10n * credit)))
    const [{ window: present } = assert.fail("no cap")] = await listed(here, client)
    assert.deepInclude(present, { start: start + 2, used: cost(10n) })
  })

  it("lets the window's length and scope be changed after it", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    await run(setCap(caller(), cap(client)))
    await run(consumeCredits(caller(), spend(client, 9n * credit)))
    const refused = await refusal(setCap(caller(), cap(client, { every: "week" })))
    assert.isTrue(refused._tag === "NotAdmissible" && refused.message.includes("caps.resetWindow"))
    const later = () => caller({ now: start + day })
    await run(resetWindow(later(), { client, name: "default" }))
    assert.deepInclude((await run(setCap(later(), cap(client, { every: "week" })))).window, { used: 0n })
  })

  it("takes back that the client was told, is refused to a stale caller and to the client's own token", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    await run(setCap(caller(), cap(client)))
    await pool.query("update client set spending_cap_notified_at = now() where id = $1", [client])
    const name = "default"
    assert.deepInclude(await refusal(resetWindow(caller({ reach: client }), { client, name })), {
      reason: "set_from_above"
    })
    assert.deepInclude(await refusal(resetWindow(caller({ ifMatch: "7" }), { client, name })), {
      _tag: "VersionStale",
      current: "1"
    })
    assert.deepInclude(await refusal(resetWindow(caller(), { client, name: "none" })), {
      _tag: "NotFound",
      what: "cap"
    })
    await run(resetWindow(caller({ ifMatch: "1" }), { client, name }))
    const { rows } = await pool.query("select spending_cap_notified_at as at from client where id = $1", [client])
    assert.deepStrictEqual(rows, [{ at: null }])
  })
})

describe("removeCap", () => {
  it("counts nothing from then on but what was held, and its namesake starts anew with the next version", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const { id } = await run(setCap(caller(), cap(client)))
    const hold = { client, amount: 4n * credit, feature: null, allowPartial: false, expiresIn: 30 * day }
    const held = await run(reserveCredits(caller(), hold))
    const name = "default"
    assert.deepInclude(await refusal(removeCap(caller({ reach: client }), { client, name })), {
      reason: "set_from_above"
    })
    assert.deepInclude(await run(removeCap(caller(), { client, name })), { id })
    assert.deepStrictEqual(await listed(here, client), [])
    await run(consumeCredits(caller(), spend(client, 100n * credit)))
    const settle = { hold: held.entry.hold ?? "", amount: null, feature: null, allowPartial: false }
    await run(captureHold(caller(), settle))
    const { rows } = await pool.query("select used, held from cap_window where cap_id = $1", [id])
    assert.deepStrictEqual(rows, [{ used: cost(4n), held: 0n }])
    assert.deepInclude(await refusal(removeCap(caller(), { client, name })), { _tag: "NotFound", what: "cap" })
    const anew = await run(setCap(caller(), cap(client)))
    assert.deepInclude(anew, { etag: "2" })
    assert.deepInclude(anew.window, { used: 0n })
    assert.notStrictEqual(anew.id, id)
    assert.strictEqual((await events(client, "cap.removed")).length, 1)
  })
})

describe("what is foretold", () => {
  it("is told once a window, on the edge, and anew after a raise that undid it", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const { id } = await run(setCap(caller(), cap(client, { limit: dollars(30) })))
    const on = (days: number, credits: bigint) =>
      run(consumeCredits(caller({ now: start + days * day }), spend(client, credits * credit)))
    await on(1, 1n)
    assert.deepStrictEqual(await events(client, "spending_cap.forecast"), [])
    await on(5, 9n)
    const told = await events(client, "spending_cap.forecast")
    assert.deepInclude(told[0], { cap: id, start, limit: `${cost(30n)}`, projectedAt: start + 15 * day })
    await on(6, 9n)
    assert.strictEqual((await events(client, "spending_cap.forecast")).length, 1)
    await run(setCap(caller({ now: start + 6 * day }), cap(client, { limit: dollars(200) })))
    await on(7, 10n)
    assert.strictEqual((await events(client, "spending_cap.forecast")).length, 1)
    await on(8, 80n)
    assert.strictEqual((await events(client, "spending_cap.forecast")).length, 2)
    const { rows } = await pool.query("select forecast from cap_window where cap_id = $1", [id])
    assert.deepStrictEqual(rows, [{ forecast: true }])
  })
})

describe("checkCredits", () => {
  it("names the cap that binds, the room under each, and when it frees", async () => {
    const here = await world()
    const client = await payer(here)
    const { caller } = here
    const wide = await run(setCap(caller(), cap(client, { name: "wide", limit: dollars(50), every: "lifetime" })))
    const tight = await run(setCap(caller(), cap(client, { name: "tight", limit: dollars(4) })))
    const told = await run(setCap(caller(), cap(client, { name: "told", enforcement: "alert" })))
    await run(setCap(caller(), cap(client, { name: "ann", limit: dollars(1), member: "ann" })))
    const asked = { client, amount: 2n * credit, feature: null }
    const checked = await run(checkCredits(caller(), asked))
    assert.deepInclude(checked, {
      refusal: null,
      available: 4n * credit,
      binding: tight.id,
      freesAt: start + 31 * day
    })
    const rooms = new Map(checked.caps.map(({ id, available, window }) => [id, [available, window.headroom]]))
    assert.deepStrictEqual(
      [wide, tight, told].map(({ id }) => rooms.get(id)),
      [
        [50n * credit, cost(50n)],
        [4n * credit, cost(4n)],
        [null, cost(10n)]
      ]
    )
    assert.strictEqual(rooms.size, 3)
    const ann = await run(checkCredits(caller(), { ...asked, member: "ann" }))
    assert.deepInclude(ann.refusal, { _tag: "SpendingCapReached", name: "ann", available: credit })
    await run(setCap(caller(), cap(client, { name: "tight", limit: dollars(100) })))
    assert.deepInclude(await run(checkCredits(caller(), asked)), { binding: wide.id, freesAt: null })
    const other = await payer(here)
    assert.deepInclude(await run(checkCredits(caller(), { ...asked, client: other })), {
      binding: null,
      freesAt: null,
      available: 1_000n * credit
    })
  })
})

describe("a capped amount", () => {
  it("takes the price of the period and overage, refuses beyond, and is at least the price", async () => {
    const here = await world()
    const { caller } = here
    const client = await Client.create(pool, here.organization)
    await run(
      plan(caller(), { price: 2_000n, terms: { overage: Rate.of(100n, 1n), trial: { unit: "day", count: 7 } } })
    )
    const subscribe = (cappedAmount: ReturnType<typeof dollars>) =>
      createSubscription(caller(), { client, plan: "basic", seats: undefined, trial: undefined, cappedAmount })
    assert.deepInclude(await refusal(subscribe(dollars(19))), {
      reason: "minimum_required_cap",
      field: "cappedAmount"
    })
    const euros = { ...dollars(30), currency: "EUR" as Currency.Currency }
    assert.deepInclude(await refusal(subscribe(euros)), { reason: "currency_differs", field: "cappedAmount.currency" })
    await run(subscribe(dollars(25)))
    const [capped = assert.fail("no cap")] = await listed(here, client)
    assert.deepInclude(capped, {
      name: "capped_amount",
      every: "billing_period",
      scope: "billed",
      committed: cost(20n),
      limit: dollars(25)
    })
    assert.strictEqual(capped.window.headroom, cost(5n))
    // What is included and bought is not billed.
    await run(grant(caller(), client, 50n * credit, { unitCost: { amount: Rate.of(100n, 1n), currency: usd } }))
    await run(consumeCredits(caller(), spend(client, 150n * credit)))
    await run(consumeCredits(caller(), spend(client, 5n * credit)))
    const refused = await refusal(consumeCredits(caller(), spend(client, 1n)))
    assert.deepInclude(refused, { _tag: "SpendingCapReached", cap: capped.id, committed: cost(20n), used: cost(5n) })
    // In the next period the price is committed again, and nothing else.
    const next = caller({ now: start + 60 * day })
    assert.deepInclude((await run(checkCredits(next, { client, amount: credit, feature: null }))).caps[0]?.window, {
      headroom: cost(5n)
    })
  })
})
