import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Calendar, SpendingCap } from "../src/index.ts"
import { id } from "./history/WalletHistory.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const now = Schema.Int.check(Schema.isBetween({ minimum: 1_700_000_000_000, maximum: 1_900_000_000_000 }))
const zone = Schema.Literals(["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe"])

const base: SpendingCap.State = {
  id: id("f", 1),
  client: id("e", 1),
  name: "monthly",
  limit: 100n,
  committed: 0n,
  member: null,
  meter: null,
  every: "month",
  scope: "extra",
  enforcement: "hard",
  thresholds: [50, 80, 100],
  zone: Calendar.Zone.make("UTC"),
  anchor: 0,
  billing: null
}

const caps = Arbitrary.map(
  Arbitrary.all([
    Arbitrary.schema(
      Schema.Struct({
        every: SpendingCap.Every,
        zone,
        anchor: now,
        limit: upTo(60),
        committed: Schema.Literals([0, 0, 10]),
        member: Schema.NullOr(Schema.Literals(["ann"])),
        meter: Schema.NullOr(Schema.Literals(["tokens"])),
        scope: SpendingCap.Scope,
        enforcement: Schema.Literals(["hard", "alert"]),
        billing: Schema.NullOr(Schema.Struct({ anchor: now, interval: Calendar.Interval }))
      })
    ),
    Arbitrary.array(Arbitrary.schema(upTo(99)), { maxLength: 4 })
  ]),
  ([cap, thresholds]): SpendingCap.State => ({
    ...base,
    ...cap,
    zone: Calendar.Zone.make(cap.zone),
    limit: BigInt(cap.limit),
    committed: BigInt(cap.committed),
    thresholds: thresholds.map((percent) => percent + 1)
  })
)
const counters = Arbitrary.map(
  Arbitrary.array(Arbitrary.all([caps, Arbitrary.schema(upTo(40)), Arbitrary.schema(upTo(40))]), { maxLength: 5 }),
  (drawn) =>
    drawn.map(([cap, used, held], n): SpendingCap.Counter => {
      const window = { ...SpendingCap.open(cap, 1_800_000_000_000), used: BigInt(used), held: BigInt(held) }
      return { cap: { ...cap, id: id("f", n) }, window }
    })
)

describe("SpendingCap", () => {
  it.prop(
    "a window holds the instant it is opened for, and is the same for every instant in it",
    [caps, now],
    ([cap, at]) => {
      const window = SpendingCap.open(cap, at)
      assert.isTrue(SpendingCap.isCurrent(window, at))
      assert.deepStrictEqual(SpendingCap.open(cap, window.start), window)
      if (window.end === null) return
      assert.deepStrictEqual(SpendingCap.open(cap, window.end - 1), window)
      assert.strictEqual(SpendingCap.open(cap, window.end).start, window.end)
    }
  )

  it.prop(
    "whatever becomes of the zone or of the billing clock, a window starts where the one before it ended, or later",
    [caps, caps, now, Arbitrary.schema(upTo(400)), Arbitrary.schema(upTo(400))],
    ([cap, { billing, zone }, from, resetAfter, days]) => {
      const day = 86_400_000
      const opened: SpendingCap.Counter = { cap, window: SpendingCap.open(cap, from) }
      const reset = SpendingCap.reset(SpendingCap.at(opened, from + resetAfter * day), from + resetAfter * day)
      for (const before of [opened, reset]) {
        const at = Math.max(from, before.window.start) + days * day
        const { window } = SpendingCap.at({ cap: { ...cap, billing, zone }, window: before.window }, at)
        assert.isTrue(SpendingCap.isCurrent(window, at))
        if (window.start !== before.window.start)
          assert.isAtLeast(window.start, before.window.end ?? Number.POSITIVE_INFINITY)
      }
    }
  )

  it.prop(
    "a counter keeps what it counted up to its window's end, and then starts from nothing",
    [caps, now],
    ([cap, at]) => {
      const counter = { cap, window: { ...SpendingCap.open(cap, at), used: 7n, held: 2n, told: 50 } }
      assert.strictEqual(SpendingCap.at(counter, at), counter)
      const { end } = counter.window
      if (end === null) return
      assert.strictEqual(SpendingCap.at(counter, end - 1), counter)
      const { used, held, told, start } = SpendingCap.at(counter, end).window
      assert.deepStrictEqual([used, held, told, start], [0n, 0n, 0, end])
    }
  )

  it.prop("the least headroom is that of the hard cap that binds, by what it counts", [counters], ([counters]) => {
    const least = SpendingCap.leastHeadroom(counters)
    for (const scope of ["all", "extra", "billed"] as const) {
      const room = { all: least.all, extra: least.charged, billed: least.billed }[scope]
      const bound = SpendingCap.binding(counters, scope)
      const hard = counters.filter(({ cap }) => cap.enforcement === "hard" && cap.scope === scope)
      assert.strictEqual(room, bound === undefined ? null : SpendingCap.headroom(bound))
      assert.strictEqual(bound === undefined, hard.length === 0)
      if (bound === undefined) continue
      assert.isTrue(hard.includes(bound))
      for (const other of hard) {
        const left = SpendingCap.headroom(other)
        assert.isTrue(SpendingCap.headroom(bound) <= left && left >= 0n)
        const ends = (end: number | null) => end ?? Number.POSITIVE_INFINITY
        if (left === SpendingCap.headroom(bound)) assert.isTrue(ends(bound.window.end) >= ends(other.window.end))
      }
    }
  })

  it.prop(
    "what is reached is the highest threshold so far untold",
    [caps, upTo(80), upTo(100)],
    ([cap, used, told]) => {
      const window = { ...SpendingCap.open(cap, 0), told }
      const due = cap.thresholds.filter(
        (percent) => percent > told && (cap.committed + BigInt(used)) * 100n >= cap.limit * BigInt(percent)
      )
      const highest = due.length === 0 ? undefined : Math.max(...due)
      assert.strictEqual(SpendingCap.reached({ cap, window }, BigInt(used)), highest)
    }
  )

  it.prop(
    "whatever is to be told is not missed at a glance, up to the last unit of the largest limits",
    [caps, upTo(100), upTo(100), Schema.Literals([1n, 999_999_999_999_999n]), Schema.Literals([-1n, 0n, 1n])],
    ([small, told, percent, scale, edge]) => {
      const cap = { ...small, limit: small.limit * scale, committed: small.committed * scale }
      const window = { ...SpendingCap.open(cap, 1_800_000_000_000), told, forecast: false }
      const at = window.start + Math.floor(((window.end ?? 0) - window.start) / 10)
      const used = (cap.limit * BigInt(percent)) / 100n - cap.committed + edge
      const tells =
        SpendingCap.reached({ cap, window }, used) !== undefined || SpendingCap.forecast(cap, window, used, at) !== null
      assert.isTrue(!tells || SpendingCap.mayTell({ cap, window }, used, at))
    }
  )

  it.prop(
    "a cap that changes forgets nothing it counted, and tells nothing again",
    [caps, caps, now, upTo(80)],
    ([before, after, at, used]) => {
      const counter = { cap: before, window: { ...SpendingCap.open(before, at), used: BigInt(used), held: 3n } }
      const set = SpendingCap.set(counter, { ...after, every: before.every }, at)
      const { start, end, held } = set.window
      assert.deepStrictEqual(
        [start, end, set.window.used, held],
        [counter.window.start, counter.window.end, BigInt(used), 3n]
      )
      assert.strictEqual(SpendingCap.reached(set, BigInt(used)), undefined)
    }
  )

  it.prop(
    "a window that is reset counts nothing, starts then, and ends where it would have; the next is the calendar's own",
    [caps, now, upTo(1_000_000), upTo(80)],
    ([cap, at, later, used]) => {
      const { end } = SpendingCap.open(cap, at)
      const moment = end === null ? at + later : Math.min(at + later, end - 1)
      const counter = {
        cap,
        window: { ...SpendingCap.open(cap, at), used: BigInt(used), held: 3n, told: 80, forecast: true }
      }
      const { window } = SpendingCap.reset(counter, moment)
      assert.deepStrictEqual(window, {
        cap: cap.id,
        start: moment,
        end,
        used: 0n,
        held: 0n,
        told: 0,
        forecast: false
      })
      if (end !== null) assert.deepStrictEqual(SpendingCap.at({ cap, window }, end).window, SpendingCap.open(cap, end))
    }
  )

  it.prop(
    "what is left is the limit less what is committed, used and held, and never less than nothing",
    [counters],
    ([counters]) => {
      for (const counter of counters) {
        const { limit, committed } = counter.cap
        const { used, held } = counter.window
        const left = limit - committed - used - held
        assert.strictEqual(SpendingCap.headroom(counter), left < 0n ? 0n : left)
      }
    }
  )

  it.prop(
    "the limit is forecast to be passed before the window ends just where spending on at the same rate passes it",
    [caps, upTo(100), upTo(80)],
    ([cap, percent, used]) => {
      const [start, end] = [1_800_000_000_000, 1_800_000_001_000]
      const at = start + percent * 10
      const projected = SpendingCap.forecast(cap, { start, end }, BigInt(used), at)
      const room = Number(cap.limit - cap.committed)
      const due = percent >= 5 && percent < 100 && used > 0 && used < room
      // At the end, at that rate.
      const passes = (used * 100) / percent > room
      if (projected === null) return assert.isFalse(due && passes && (room * percent) / used < 99.9)
      assert.isTrue(due && projected >= at && projected < end)
      const then = (used * (projected - start)) / (at - start)
      assert.isTrue(then >= room)
      if (projected > at) assert.isTrue((used * (projected - 1 - start)) / (at - start) < room)
      assert.isNull(SpendingCap.forecast(cap, { start, end: null }, BigInt(used), at))
    }
  )

  it.prop("a cap of a member or a meter counts nothing else", [caps], ([cap]) => {
    for (const member of [null, "ann", "bob"])
      for (const meter of [null, "tokens", "images"])
        assert.strictEqual(
          SpendingCap.counts(cap, member, meter),
          (cap.member ?? member) === member && (cap.meter ?? meter) === meter
        )
  })

  it.prop("caps and windows survive their JSON", [caps, now], ([cap, at]) => {
    const codec = Schema.toCodecJson(Schema.Struct({ cap: SpendingCap.State, window: SpendingCap.Window }))
    const counter = { cap, window: SpendingCap.open(cap, at) }
    assert.deepStrictEqual(Schema.decodeSync(codec)(Schema.encodeSync(codec)(counter)), counter)
  })

  it("a billing period without a subscription is a calendar month", () => {
    const at = 1_800_000_000_000
    assert.deepStrictEqual(SpendingCap.open({ ...base, every: "billing_period" }, at), SpendingCap.open(base, at))
  })

  it("refuses a limit that is negative, or too large to sum", () => {
    const decode = Schema.decodeUnknownResult(SpendingCap.State.fields.limit)
    assert.deepStrictEqual(decode("100000000000"), Result.succeed(SpendingCap.mostCost))
    for (const limit of ["-0.000001", "100000000000.000001"]) assert.isTrue(Result.isFailure(decode(limit)))
  })
})
