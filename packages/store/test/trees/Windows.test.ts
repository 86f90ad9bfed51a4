import { Calendar } from "@capstan/domain"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { v7 } from "uuid"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { check, credit, day, debit, outcome } = Arena
const arena = Arena.open()
const [gate, elsewhere] = [arena.gate(), arena.gate()]

const capped = async (every: string, limit: bigint) => {
  const tenant = await Arena.tenant(arena)
  const client = await tenant.client()
  await Arena.grant(gate, tenant.caller(), client, Arena.lot(1_000n * credit))
  const cap = await Arena.cap(gate, tenant.caller(), client, { every, limit })
  const spend = async (amount: bigint, now = Arena.now, at = gate) =>
    outcome(await at.post(tenant.caller({ now }), debit(client, amount)))
  const used = async () =>
    (
      await arena.pool.query<{ used: bigint }>(
        "select used from cap_window where organization_id = $1 and cap_id = $2 order by starts_at",
        [tenant.id, cap]
      )
    ).rows.map(({ used }) => used)
  return { tenant, client, cap, spend, used }
}

describe("a window", () => {
  it("that has no row yet is opened by the first debits that count in it, from two processes at once", async () => {
    const { tenant, spend, used } = await capped("month", 10n * credit)
    assert.deepStrictEqual(await used(), [])
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => spend(credit, Arena.now, i % 2 === 0 ? gate : elsewhere))
    )
    assert.strictEqual(answers.filter((answer) => answer === "Posted").length, 10)
    assert.strictEqual(answers.filter((answer) => answer === "SpendingCapReached").length, 10)
    assert.deepStrictEqual(await used(), [10n * credit])
    await audit(arena.pool, tenant.id)
  })

  it("turns between two requests: the next one starts from nothing", async () => {
    const { tenant, spend, used } = await capped("day", 10n * credit)
    const midnight = Date.UTC(2026, 2, 11)
    assert.strictEqual(await spend(10n * credit, midnight - 1), "Posted")
    assert.strictEqual(await spend(1n, midnight - 1), "SpendingCapReached")
    assert.strictEqual(await spend(10n * credit, midnight), "Posted")
    assert.strictEqual(await spend(1n, midnight), "SpendingCapReached")
    assert.deepStrictEqual(await used(), [10n * credit, 10n * credit])
    await audit(arena.pool, tenant.id)
  })

  it("turns within a batch, which then counts each debit in its own", async () => {
    const { tenant, spend, used } = await capped("day", 10n * credit)
    const midnight = Date.UTC(2026, 2, 11)
    const answers = await Promise.all([
      spend(7n * credit, midnight - 2),
      spend(7n * credit, midnight - 1),
      spend(7n * credit, midnight),
      spend(7n * credit, midnight + 1)
    ])
    assert.deepStrictEqual(answers, ["Posted", "SpendingCapReached", "Posted", "SpendingCapReached"])
    assert.deepStrictEqual(await used(), [7n * credit, 7n * credit])
    await audit(arena.pool, tenant.id)
  })

  it("that has turned stays so, also for those whose clock is behind", async () => {
    const { tenant, spend, used } = await capped("day", 10n * credit)
    const midnight = Date.UTC(2026, 2, 11)
    assert.strictEqual(await spend(credit, midnight), "Posted")
    assert.strictEqual(await spend(10n * credit, midnight - 1), "SpendingCapReached")
    assert.deepStrictEqual(await used(), [credit])
    await audit(arena.pool, tenant.id)
  })

  it("is not emptied by a look past its end", async () => {
    const { tenant, client, spend, used } = await capped("day", 10n * credit)
    const tomorrow = Arena.now + day
    assert.strictEqual(await spend(9n * credit), "Posted")
    const { available } = Result.getOrThrow(await gate.post(tenant.caller({ now: tomorrow }), check(client, credit)))
    assert.strictEqual(available, 10n * credit)
    assert.strictEqual(await spend(2n * credit), "SpendingCapReached")
    assert.strictEqual(await spend(11n * credit, tomorrow), "SpendingCapReached")
    assert.strictEqual(await spend(2n * credit), "SpendingCapReached")
    assert.deepStrictEqual(await used(), [9n * credit])
  })

  it("is not escaped by the locked door where its caller's clock is behind", async () => {
    const { tenant, client, spend, used } = await capped("day", 10n * credit)
    const midnight = Date.UTC(2026, 2, 11)
    assert.strictEqual(await spend(10n * credit, midnight - 1), "Posted")
    assert.strictEqual(await spend(9n * credit, midnight), "Posted")
    const caller = tenant.caller({ now: midnight - 1 })
    const debited = gate.change(caller, [client], (_, locked) =>
      locked.post(
        client,
        {
          _tag: "Debit",
          amount: 2n * credit,
          feature: null,
          member: null,
          meter: null,
          allowPartial: false,
          at: caller.now
        },
        { namespace: "caller", key: v7(), hash: null }
      )
    )
    const result = await debited
    assert.strictEqual(Result.isFailure(result) ? result.failure._tag : "Posted", "SpendingCapReached")
    assert.deepStrictEqual(await used(), [10n * credit, 9n * credit])
  })
})

describe("a batch", () => {
  it("counts in windows of several zones and several caps of a line, each its own", async () => {
    const tenant = await Arena.tenant(arena)
    // Noon in London is tomorrow's first hours on Kiritimati and still yesterday's last on Midway.
    const zones = ["Europe/London", "Pacific/Kiritimati", "Pacific/Midway", "Asia/Kathmandu"]
    const root = await tenant.client({ timeZone: "America/New_York" })
    const limits = { root: 60n * credit, week: 18n * credit, day: 12n * credit }
    const caps = [
      {
        id: await Arena.cap(gate, tenant.caller(), root, { limit: limits.root }),
        every: "month",
        zone: "America/New_York"
      }
    ] as Array<{ id: string; every: "day" | "month" | "week"; zone: string }>
    const leaves: Array<string> = []
    for (const timeZone of zones) {
      const branch = await tenant.client({ parent: root, timeZone })
      const leaf = await tenant.client({ parent: branch, timeZone })
      caps.push({
        id: await Arena.cap(gate, tenant.caller(), branch, { limit: limits.week, every: "week" }),
        every: "week",
        zone: timeZone
      })
      caps.push({
        id: await Arena.cap(gate, tenant.caller(), leaf, { limit: limits.day, every: "day" }),
        every: "day",
        zone: timeZone
      })
      await Arena.cap(gate, tenant.caller(), leaf, { limit: 1_000n * credit, every: "lifetime", scope: "all" })
      await Arena.grant(gate, tenant.caller(), leaf, Arena.lot(1_000n * credit))
      leaves.push(leaf)
    }
    const instants = [Arena.now, Arena.now + day / 2, Arena.now + day]
    for (const now of instants)
      await Promise.all(
        Array.from({ length: 80 }, (_, i) =>
          (i % 3 === 0 ? elsewhere : gate).post(tenant.caller({ now }), debit(leaves[i % leaves.length] ?? "", credit))
        )
      )
    const { rows } = await arena.pool.query<{ cap_id: string; starts_at: Date; ends_at: Date; used: bigint }>(
      "select cap_id, starts_at, ends_at, used from cap_window where organization_id = $1",
      [tenant.id]
    )
    for (const { id, every, zone } of caps) {
      const windows = rows.filter(({ cap_id }) => cap_id === id)
      assert.isNotEmpty(windows)
      const expected = instants.map((now) => Calendar.windowAt(every, Calendar.Zone.make(zone), now))
      for (const { starts_at, ends_at } of windows)
        assert.deepInclude(expected, { start: starts_at.getTime(), end: ends_at.getTime() })
    }
    // The cap of the root bound, by the unit, and before it did those of the leaves.
    assert.strictEqual(rows.find(({ cap_id }) => cap_id === caps[0]?.id)?.used, limits.root)
    assert.isTrue(
      rows.some(
        ({ used, cap_id }) => used === limits.day && caps.some(({ id, every }) => id === cap_id && every === "day")
      )
    )
    await audit(arena.pool, tenant.id)
  })
})
