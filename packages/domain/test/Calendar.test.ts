import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as Calendar from "../src/Calendar.ts"

const dayLength = 86_400_000
const hour = 3_600_000
const zone = (name: string) => Schema.decodeSync(Calendar.Zone)(name)
const instant = (text: string) => Date.parse(text)
const month = { unit: "month", count: 1 } as const
const year = { unit: "year", count: 1 } as const
const day = { unit: "day", count: 1 } as const

/** What the platform says the clocks of a zone show, in milliseconds as if local time were UTC. */
const clockOf = (zone: string) => {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset", hour: "numeric" })
  const offset = (at: number): number => {
    const [, sign = "+", hours = "0", minutes = "0"] = /GMT([+-])(\d\d):(\d\d)/.exec(format.format(at)) ?? []
    return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  }
  const show = (at: number): number => at + offset(at)
  /** The rule, written out: the first instant that shows this time, else as far past the gap as the time is into it. */
  const resolve = (local: number): number => {
    const before = local - offset(local - dayLength)
    const after = local - offset(local + dayLength)
    const shown = [before, after].filter((at) => show(at) === local)
    return shown.length === 0 ? before : Math.min(...shown)
  }
  return { show, resolve }
}

const zones = ["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe"]
const years = [2023, 2024, 2025, 2026, 2027, 2028]
const days = Array.from({ length: 31 }, (_, i) => i + 1)
const intervals = [
  ["day", day, 0, 1],
  ["week", { unit: "week", count: 1 }, 0, 7],
  ["month", month, 1, 0],
  ["quarter", { unit: "month", count: 3 }, 3, 0],
  ["half year", { unit: "month", count: 6 }, 6, 0],
  ["year", year, 12, 0]
] as const

/** The local time n intervals later, by the platform's own calendar. */
const localAfter = (local: number, months: number, days: number): number => {
  const from = new Date(local)
  const last = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months + 1, 0)).getUTCDate()
  const date = months === 0 ? from.getUTCDate() : Math.min(from.getUTCDate(), last)
  return (
    Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, date + days) +
    (local - Math.floor(local / dayLength) * dayLength)
  )
}

describe.each(zones)("periods in %s", (name) => {
  const at = zone(name)
  const clock = clockOf(name)
  /** Every day of January, at a time that each of the zones skips in spring and repeats in autumn. */
  const anchors = years.flatMap((year) =>
    days.map((day) => clock.resolve(Date.UTC(year, 0, day, day % 2 === 0 ? 1 : 2, 15)))
  )

  it.each(intervals)("start at the anchor's local time, and tile: %s", (_, interval, months, days) => {
    for (const anchor of anchors) {
      const local = clock.show(anchor)
      let end = Calendar.boundary(anchor, interval, at, -5)
      for (let n = -5; n <= 12; n++) {
        const period = Calendar.period(anchor, interval, at, n)
        assert.strictEqual(period.start, end)
        assert.strictEqual(period.start, clock.resolve(localAfter(local, n * months, n * days)))
        assert.isTrue(period.end > period.start)
        end = period.end
      }
    }
  })

  it.each(intervals)("are found by any instant they hold: %s", (_, interval) => {
    for (const anchor of anchors)
      for (const n of [-4, 0, 9]) {
        const { start, end } = Calendar.period(anchor, interval, at, n)
        for (const instant of [start, start + Math.floor((end - start) / 2), end - 1])
          assert.strictEqual(Calendar.indexAt(anchor, interval, at, instant), n)
      }
  })

  it("of a day tile a whole year, across every change of the clocks", () => {
    for (const time of [0, 1.75 * hour, 2.25 * hour, 23.5 * hour]) {
      const local = Date.UTC(2024, 0, 1) + time
      const anchor = clock.resolve(local)
      for (let n = 0; n < 366; n++) {
        const { start, end } = Calendar.period(anchor, day, at, n)
        assert.strictEqual(start, clock.resolve(local + n * dayLength))
        assert.strictEqual(end, Calendar.boundary(anchor, day, at, n + 1))
        assert.strictEqual(Calendar.indexAt(anchor, day, at, end - 1), n)
      }
    }
  })
})

const inTwoCenturies = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: instant("2170-01-01T00:00:00Z") }))
const index = Schema.Int.check(Schema.isBetween({ minimum: -500, maximum: 500 }))

it.prop(
  "any instant lies in exactly the period that its index names",
  [inTwoCenturies, Calendar.Interval, Calendar.Zone, inTwoCenturies],
  ([anchor, interval, zone, at]) => {
    const { start, end } = Calendar.periodAt(anchor, interval, zone, at)
    assert.isTrue(start <= at && at < end)
    assert.deepStrictEqual(Calendar.period(anchor, interval, zone, Calendar.indexAt(anchor, interval, zone, at)), {
      start,
      end
    })
  }
)

it.prop(
  "the order of asking does not matter",
  [inTwoCenturies, Calendar.Interval, Calendar.Zone, Arbitrary.array(Arbitrary.schema(index), { maxLength: 8 })],
  ([anchor, interval, zone, indices]) => {
    const ask = (n: number) => Calendar.period(anchor, interval, zone, n)
    assert.deepStrictEqual(indices.toReversed().map(ask).toReversed(), indices.map(ask))
    const sorted = indices.toSorted((a, b) => a - b)
    assert.deepStrictEqual(
      sorted.map(ask),
      indices.map(ask).toSorted((a, b) => a.start - b.start)
    )
  }
)

it("the 31st comes back after February, and the 29th after three years", () => {
  const zurich = zone("Europe/Zurich")
  const dates = (anchor: string, interval: Calendar.Interval) =>
    [0, 1, 2, 3, 4].map((n) =>
      new Date(Calendar.boundary(instant(anchor), interval, zurich, n)).toISOString().slice(0, 10)
    )
  assert.deepStrictEqual(dates("2026-12-31T12:00:00Z", month), [
    "2026-12-31",
    "2027-01-31",
    "2027-02-28",
    "2027-03-31",
    "2027-04-30"
  ])
  assert.deepStrictEqual(dates("2024-02-29T12:00:00Z", year), [
    "2024-02-29",
    "2025-02-28",
    "2026-02-28",
    "2027-02-28",
    "2028-02-29"
  ])
})

it.each([
  ["a skipped time moves forward by the gap", "Europe/Zurich", "2024-01-31T01:30:00Z", 2, "2024-03-31T01:30:00Z"],
  ["the month after is back at its own time", "Europe/Zurich", "2024-01-31T01:30:00Z", 3, "2024-04-30T00:30:00Z"],
  ["a repeated time is the first", "Europe/Zurich", "2024-09-27T00:30:00Z", 1, "2024-10-27T00:30:00Z"],
  ["an anchor in the second hour stays there", "Europe/Zurich", "2024-10-27T01:30:00Z", 0, "2024-10-27T01:30:00Z"],
  ["also where the gap is half an hour", "Australia/Lord_Howe", "2024-09-05T15:45:00Z", 1, "2024-10-05T15:45:00Z"],
  ["also where it is repeated half an hour", "Australia/Lord_Howe", "2024-03-06T14:45:00Z", 1, "2024-04-06T14:45:00Z"],
  ["midnight skipped in Egypt is one o'clock", "Africa/Cairo", "2024-03-25T22:00:00Z", 1, "2024-04-25T22:00:00Z"]
])("%s", (_, name, anchor, n, expected) => {
  assert.strictEqual(Calendar.boundary(instant(anchor), month, zone(name), n), instant(expected))
})

it("a day that a zone skipped is an empty period, which holds nothing", () => {
  const apia = zone("Pacific/Apia")
  const anchor = instant("2011-12-28T22:00:00Z")
  const starts = [0, 1, 2, 3].map((n) => Calendar.boundary(anchor, day, apia, n))
  assert.deepStrictEqual(starts, [
    anchor,
    instant("2011-12-29T22:00:00Z"),
    instant("2011-12-30T22:00:00Z"),
    instant("2011-12-30T22:00:00Z")
  ])
  assert.strictEqual(Calendar.indexAt(anchor, day, apia, instant("2011-12-30T22:00:00Z")), 3)
  assert.strictEqual(Calendar.indexAt(anchor, day, apia, instant("2011-12-30T22:00:00Z") - 1), 1)
})

const isFirst = {
  day: () => true,
  week: (date: Date) => date.getUTCDay() === 1,
  month: (date: Date) => date.getUTCDate() === 1
}
const units = ["day", "week", "month"] as const

describe.each([...zones, "Africa/Cairo", "Asia/Beirut", "America/Havana"])("windows in %s", (name) => {
  it.each(units)("tile six years, each from the first midnight of its calendar unit: %s", (unit) => {
    const clock = clockOf(name)
    let at = Calendar.windowAt(unit, zone(name), instant("2023-01-01T12:00:00Z")).start
    while (at < instant("2028-12-31T00:00:00Z")) {
      const window = Calendar.windowAt(unit, zone(name), at)
      assert.strictEqual(window.start, at)
      assert.deepStrictEqual(Calendar.windowAt(unit, zone(name), window.end - 1), window)
      const shown = clock.show(at)
      assert.strictEqual(clock.resolve(shown - (shown % dayLength)), at)
      assert.isTrue(isFirst[unit](new Date(shown)))
      at = window.end
    }
  })
})

it.each([
  [
    "day",
    "a day that starts at one o'clock",
    "America/Sao_Paulo",
    "2018-11-04T12:00Z",
    "2018-11-04T03:00Z",
    "2018-11-05T02:00Z"
  ],
  ["day", "the same in Lebanon", "Asia/Beirut", "2024-03-31T12:00Z", "2024-03-30T22:00Z", "2024-03-31T21:00Z"],
  [
    "day",
    "a day with two midnights starts at the first",
    "America/Havana",
    "2024-11-03T05:30Z",
    "2024-11-03T04:00Z",
    "2024-11-04T05:00Z"
  ],
  [
    "day",
    "so does one that yesterday's end follows",
    "America/St_Johns",
    "2010-11-07T03:00Z",
    "2010-11-07T02:30Z",
    "2010-11-08T03:30Z"
  ],
  [
    "day",
    "the last before a skipped day",
    "Pacific/Apia",
    "2011-12-30T09:00Z",
    "2011-12-29T10:00Z",
    "2011-12-30T10:00Z"
  ],
  ["week", "a week is from Monday", "Europe/Zurich", "2024-03-31T12:00Z", "2024-03-24T23:00Z", "2024-03-31T22:00Z"],
  ["week", "across the year", "UTC", "2026-01-01T00:00Z", "2025-12-29T00:00Z", "2026-01-05T00:00Z"],
  ["month", "the month before 1970", "America/New_York", "1970-01-01T04:59Z", "1969-12-01T05:00Z", "1970-01-01T05:00Z"]
] as const)("window of a %s: %s", (unit, _, name, at, start, end) => {
  const expected = { start: instant(start), end: instant(end) }
  assert.deepStrictEqual(Calendar.windowAt(unit, zone(name), instant(at)), expected)
})

it("an instant that never comes is in no period, and asking ends", () => {
  const zurich = zone("Europe/Zurich")
  for (const at of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])
    for (const [, interval] of intervals) assert.isFalse(Number.isFinite(Calendar.indexAt(0, interval, zurich, at)))
})

it("refuses a zone that is none, and takes names old and new", () => {
  const decode = Schema.decodeUnknownResult(Calendar.Zone)
  for (const name of [
    "Mars/Base",
    "europe/zurich",
    "Europe/zurich",
    "+01:00",
    "GMT+1",
    "",
    " UTC",
    "Europe/Zurich\n",
    "CH",
    1,
    null
  ])
    assert.isTrue(Result.isFailure(decode(name)), String(name))
  for (const name of ["UTC", "Asia/Kolkata", "Asia/Calcutta", "Etc/GMT+5", "America/Argentina/Buenos_Aires"])
    assert.deepStrictEqual(decode(name), Result.succeed(name as Calendar.Zone))
  const refusal = decode("Mars/Base")
  assert.include(Result.isFailure(refusal) ? refusal.failure.message : "", "must be a time zone of the IANA database")
})

it("refuses an interval that is not one", () => {
  const decode = Schema.decodeUnknownResult(Calendar.Interval)
  for (const count of [0, -1, 1.5, 367, "1", Number.NaN])
    assert.isTrue(Result.isFailure(decode({ unit: "month", count })))
  assert.isTrue(Result.isFailure(decode({ unit: "hour", count: 1 })))
  assert.isTrue(Result.isSuccess(decode({ unit: "week", count: 2 })))
})

it("the day of an instant is the one that the clocks of the zone show", () => {
  for (const [text, name, expected] of [
    ["2026-02-28T23:30:00Z", "UTC", "2026-02-28"],
    ["2026-02-28T23:30:00Z", "Europe/Zurich", "2026-03-01"],
    ["2026-03-08T07:59:59Z", "America/Los_Angeles", "2026-03-07"],
    ["2026-11-01T06:30:00Z", "America/New_York", "2026-11-01"]
  ] as const) {
    const at = instant(text)
    assert.strictEqual(Calendar.dateOf(at, zone(name)), expected)
    assert.strictEqual(new Date(clockOf(name).show(at)).toISOString().slice(0, 10), expected)
  }
})
