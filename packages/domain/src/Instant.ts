/**
 * A moment: whole milliseconds since 1970, UTC. On the wire ISO 8601, read with any offset, written with `Z`.
 */
import { DateTime, Option, Schema, SchemaTransformation } from "effect"

const iso = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/

/** The platform takes 30 February for 2 March. */
const isDay = (date: string): boolean =>
  Option.exists(DateTime.make(`${date}T00:00:00Z`), (day) => DateTime.formatIso(day).startsWith(date))

const Text = Schema.String.check(
  Schema.makeFilter((text: string) =>
    iso.test(text) && Option.isSome(DateTime.make(text)) && isDay(text.slice(0, 10))
      ? true
      : "must be an ISO 8601 instant, such as 2026-11-20T09:00:00Z"
  )
).annotate({ format: "date-time" })

export const Instant = Text.pipe(
  Schema.decodeTo(
    Schema.Number.check(
      Schema.isInt(),
      Schema.isBetween({ minimum: -62_135_596_800_000, maximum: 253_402_300_799_999 })
    ),
    SchemaTransformation.transform({
      decode: (text) => Math.trunc(DateTime.toEpochMillis(DateTime.makeUnsafe(text))),
      encode: (at) => DateTime.formatIso(DateTime.makeUnsafe(at))
    })
  )
)
export type Instant = typeof Instant.Type

/** In milliseconds. */
export const hour = 3_600_000

/** Earliest first; `null` is an end that never comes, and sorts last. */
export const compareEnds = (a: Instant | null, b: Instant | null): number =>
  a === b ? 0 : a === null ? 1 : b === null ? -1 : a - b

export const isPast = (end: Instant | null, at: Instant): boolean => end !== null && end <= at
