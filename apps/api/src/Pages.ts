/**
 * A whole list, page by page: each is read by a short statement of its own when it is asked for, from where the one before
 * ended. Nothing is held open in between, and rows that come or go meanwhile shift nothing.
 */
import { Database, type Failure, type Page } from "@capstan/store"
import { Effect, Result } from "effect"

type Next<A> = (
  db: Database.Connection["db"],
  cursor: string | undefined
) => Promise<Result.Result<Page.Page<A>, Failure>>

/** How many rows are read at once. */
export const size = 500

/** The first page is read at once: what is refused, is refused before anything is answered. */
export const ofList = <A>(next: Next<A>): Effect.Effect<AsyncGenerator<ReadonlyArray<A>>, Failure, Database.Database> =>
  Effect.flatMap(Database.Database, ({ db }) =>
    Effect.flatMap(
      Effect.promise(() => next(db, undefined)),
      (first) => Effect.map(Effect.fromResult(first), (page) => following(db, page, next))
    )
  )

const following = async function* <A>(
  db: Database.Connection["db"],
  first: Page.Page<A>,
  next: Next<A>
): AsyncGenerator<ReadonlyArray<A>> {
  let page = first
  yield page.items
  while (page.nextCursor !== null) {
    const read = await next(db, page.nextCursor)
    if (Result.isFailure(read)) throw new Error(`The list ended before its end: ${read.failure._tag}`)
    page = read.success
    yield page.items
  }
}
