/** A view of the store as an effect. */
import { Database, type Failure } from "@capstan/store"
import { Effect, type Result } from "effect"

export const read = <A>(
  view: (db: Database.Connection["db"]) => Promise<Result.Result<A, Failure>>
): Effect.Effect<A, Failure, Database.Database> =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.flatMap(
      Effect.promise(() => view(db)),
      Effect.fromResult
    )
  )
