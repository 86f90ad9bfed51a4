/**
 * Periods and calendar windows, in a time zone.
 *
 * Periods tile time: period n is a function of (anchor, interval, n), never of the period before, so the 31st comes back
 * after February. Each is half-open, starts where the one before ends, and keeps the anchor's local time of day. A local
 * time that the zone skips (spring) moves forward by the gap; one that it repeats (autumn) is the first, except that
 * period 0 starts at the anchor itself. Only where a zone skipped a whole day (Samoa, 30 December 2011) is a period
 * empty; it holds no instant.
 */
import { DateTime, Option, Schema } from "effect"
import { Instant } from "./Instant.ts"

export const Interval = Schema.Struct({
  unit: Schema.Literals(["day", "week", "month", "year"]),
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 366 }))
})
export interface Interval extends Schema.Schema.Type<typeof Interval> {}

const zoneName = /^[a-z][\w+-]*(\/[a-z][\w+-]*)*$/i

/** The platform may know a zone by an older name (Asia/Calcutta); the name given stays, but in the case it is known by. */
const isKnown = (zone: string): boolean =>
  zoneName.test(zone) &&
  Option.exists(DateTime.zoneMakeNamed(zone), ({ id }) => id === zone || id.toLowerCase() !== zone.toLowerCase())

export const Zone = Schema.String.check(
  Schema.makeFilter((zone: string) => isKnown(zone), {
    message: "must be a time zone of the IANA database, such as Europe/Zurich",
    toJsonSchema: () => [{ format: "time-zone" }, true],
    arbitraryConstraint: {
      patterns: [{ source: "^(?:UTC|Europe/Zurich|America/New_York|Australia/Lord_Howe)$", flags: "" }]
    }
  })
).pipe(Schema.brand("Zone"))
export type Zone = typeof Zone.Type

/** From `start` up to, but without, `end`. */
export const Period = Schema.Struct({ start: Instant, end: Instant })
export interface Period extends Schema.Schema.Type<typeof Period> {}

/** Where period n starts. n is any whole number. */
export const boundary = (anchor: Instant, interval: Interval, zone: Zone, n: number): Instant =>
  n === 0 ? anchor : toInstant(later(toLocal(anchor, zone), interval, n), zone)

export const period = (anchor: Instant, interval: Interval, zone: Zone, n: number): Period => ({
  start: boundary(anchor, interval, zone, n),
  end: boundary(anchor, interval, zone, n + 1)
})

/** The n whose period holds an instant. */
export const indexAt = (anchor: Instant, interval: Interval, zone: Zone, at: Instant): number => {
  const local = toLocal(anchor, zone)
  const startOf = (n: number): Instant => (n === 0 ? anchor : toInstant(later(local, interval, n), zone))
  return indexOf(at, startOf, elapsed(local, interval, toLocal(at, zone)))
}

export const periodAt = (anchor: Instant, interval: Interval, zone: Zone, at: Instant): Period =>
  period(anchor, interval, zone, indexAt(anchor, interval, zone, at))

/** The calendar day, ISO week (from Monday) or month that holds an instant. */
export const windowAt = (unit: "day" | "week" | "month", zone: Zone, at: Instant): Period => {
  const interval = { unit, count: 1 }
  const local = unit === "week" ? monday : 0
  const startOf = (n: number): Instant => toInstant(later(local, interval, n), zone)
  const n = indexOf(at, startOf, elapsed(local, interval, toLocal(at, zone)))
  return { start: startOf(n), end: startOf(n + 1) }
}

/** The day of an instant on the calendar of the zone, such as 2026-03-01. */
export const dateOf = (at: Instant, zone: Zone): string =>
  DateTime.formatIsoDateUtc(DateTime.makeUnsafe(toLocal(at, zone)))

/** Corrects a guess made on the wall clock, which may be off by the jumps of the zone. */
const indexOf = (at: Instant, startOf: (n: number) => Instant, guess: number): number => {
  if (!Number.isSafeInteger(guess)) return guess
  let n = guess
  while (at < startOf(n)) n -= 1
  while (at >= startOf(n + 1)) n += 1
  return n
}

// Wall clocks: milliseconds since 1970 as if local time were UTC. Days and months are counted from 1970, too.

const dayLength = 86_400_000
const monday = 4 * dayLength

/** Beyond what `DateTime` can hold, no zone has rules: local time is UTC. */
const isDated = (ms: number): boolean => Math.abs(ms) < 8e15

/**
 * The rules of a zone are asked of the platform, which takes its time, and one subscription asks the same again and again: the
 * latest answers are kept.
 */
const remembered = (answer: (ms: number, zone: Zone) => number): ((ms: number, zone: Zone) => number) => {
  const known = new Map<string, number>()
  return (ms, zone) => {
    if (!isDated(ms)) return ms
    const name = `${ms} ${zone}`
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size >= most) known.clear()
    const answered = answer(ms, zone)
    known.set(name, answered)
    return answered
  }
}

const most = 4_096

const toLocal = remembered(
  (at, zone) => at + DateTime.zonedOffset(DateTime.setZone(DateTime.makeUnsafe(at), DateTime.zoneMakeNamedUnsafe(zone)))
)

const toInstant = remembered((local, zone) =>
  DateTime.toEpochMillis(
    DateTime.setZone(DateTime.makeUnsafe(local), DateTime.zoneMakeNamedUnsafe(zone), {
      adjustForTimeZone: true,
      disambiguation: "compatible"
    })
  )
)

const inDays = { day: 1, week: 7 }
const inMonths = { month: 1, year: 12 }

/** A wall clock n intervals later; a day that its month lacks is the last of the month. */
const later = (local: number, { unit, count }: Interval, n: number): number => {
  if (unit === "day" || unit === "week") return local + n * count * inDays[unit] * dayLength
  const day = Math.floor(local / dayLength)
  const month = monthOf(day)
  const target = month + n * count * inMonths[unit]
  const moved = Math.min(firstDay(target) + day - firstDay(month), firstDay(target + 1) - 1)
  return local + (moved - day) * dayLength
}

/** How many whole intervals lie between two wall clocks, give or take one. */
const elapsed = (from: number, { unit, count }: Interval, to: number): number =>
  unit === "day" || unit === "week"
    ? Math.floor((to - from) / (count * inDays[unit] * dayLength))
    : Math.floor(
        (monthOf(Math.floor(to / dayLength)) - monthOf(Math.floor(from / dayLength))) / (count * inMonths[unit])
      )

/** The day on which a month starts, in the Gregorian calendar; years counted from March, so that leap days come last. */
const firstDay = (month: number): number => {
  const sinceMarch = month + 1970 * 12 - 2
  const year = Math.floor(sinceMarch / 12)
  const leapDays = Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400)
  return 365 * year + leapDays + Math.floor((153 * (sinceMarch - 12 * year) + 2) / 5) - 719_468
}

const monthOf = (day: number): number => {
  const guess = Math.floor(day / 30.436_875)
  return day < firstDay(guess) ? guess - 1 : day < firstDay(guess + 1) ? guess : guess + 1
}
