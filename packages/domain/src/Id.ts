/** The name of a thing: a UUID in lower case. Minted by the shell, in order of time (UUIDv7), so that indexes grow at one end. */
import { Schema } from "effect"

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export const Id = Schema.String.check(
  Schema.isPattern(uuid, {
    message: "must be a UUID in lower case",
    toJsonSchema: () => [{ pattern: uuid.source }, true]
  })
).annotate({ format: "uuid" })
export type Id = typeof Id.Type
