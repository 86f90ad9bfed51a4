import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { Instant } from "../src/index.ts"

const decode = Schema.decodeUnknownResult(Instant.Instant)
const decoded = Schema.decodeSync(Instant.Instant)

it.prop("an instant survives its JSON, and is written in UTC", [Instant.Instant], ([at]) => {
  const written = Schema.encodeSync(Instant.Instant)(at)
  assert.strictEqual(decoded(written), at)
  assert.match(written, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

it.prop("earlier instants sort first, also as text", [Instant.Instant, Instant.Instant], ([a, b]) => {
  const [first, second] = [a, b].map((at) => Schema.encodeSync(Instant.Instant)(at))
  assert.strictEqual(a < b, (first ?? "") < (second ?? ""))
})

it.prop(
  "an end that never comes is the last, and is never past",
  [Schema.NullOr(Instant.Instant), Schema.NullOr(Instant.Instant)],
  ([a, b]) => {
    const later = (end: number | null) => end ?? Number.POSITIVE_INFINITY
    const order = Math.sign(Instant.compareEnds(a, b))
    assert.strictEqual(order, later(a) === later(b) ? 0 : later(a) < later(b) ? -1 : 1)
    if (b !== null) assert.strictEqual(Instant.isPast(a, b), later(a) <= b)
  }
)

it("reads any offset, and what is finer than a millisecond is cut off", () => {
  assert.strictEqual(decoded("2026-11-20T10:00:00+01:00"), decoded("2026-11-20T09:00:00Z"))
  assert.strictEqual(decoded("2026-11-20T09:00Z"), decoded("2026-11-20T09:00:00.000Z"))
  assert.strictEqual(decoded("1969-12-31T23:59:59.9999Z"), -1)
  assert.isTrue(Result.isSuccess(decode("2028-02-29T00:00:00Z")))
})

it("refuses what is no instant, or no day", () => {
  const bad = [
    "2026-02-30T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-11-31T12:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T23:59:60Z",
    "2026-01-01T00:00:00+25:00",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "0000-01-01T00:00:00Z",
    "12026-01-01T00:00:00Z",
    "",
    1_767_222_000_000,
    null
  ]
  for (const written of bad) assert.isTrue(Result.isFailure(decode(written)), String(written))
})
