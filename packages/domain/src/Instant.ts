/**
 * A moment: whole milliseconds since 1970, UTC. Written as ISO 8601 with a `Z`; read with any offset.
 *
 * `never` sorts after every instant and stands for "has no end".
 */
import { DateTime, Option, Schema, SchemaIssue, SchemaTransformation } from "effect"

const isInRange = Schema.makeFilter((at: number) => Number.isSafeInteger(at) && Math.abs(at) <= 8.64e15)

/** ISO 8601 with a zone, to milliseconds. */
export const Instant = Schema.String.pipe(
  Schema.decodeTo(
    Schema.Number.check(isInRange),
    SchemaTransformation.transformOrFail({
      decode: (text) => parse(text),
      encode: (at) => ({ _tag: "Success", success: format(at) }) as never
    })
  )
)
export type Instant = number

export const never: Instant = Number.POSITIVE_INFINITY
