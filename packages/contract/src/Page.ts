/** Lists, a page at a time: by cursor, which new rows do not shift, or by number, which counts. */
import { Effect, Schema } from "effect"

const Cursor = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(1024)).annotate({
  description: "Where the next page starts: `nextCursor` of the page before. Filters and sorting stay the same."
})

export const fields = {
  limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }, { message: "must be from 1 to 100" }))
    .annotate({ description: "How many at most: 20 unless said." })
    .pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(20))),
  cursor: Schema.optionalKey(Cursor)
}

export const page = Schema.optionalKey(
  Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 })).annotate({
    description: "The number of a page, from 1, in place of a cursor; the answer then counts pages and items."
  })
)

const nextCursor = Schema.NullOr(Schema.String).annotate({ description: "Null on the last page." })

export const of = <S extends Schema.Top>(item: S) => Schema.Struct({ items: Schema.Array(item), nextCursor })

/** Of a list that takes `page`: only then are there numbers. */
export const numberedOf = <S extends Schema.Top>(item: S) =>
  Schema.Struct({
    items: Schema.Array(item),
    nextCursor,
    page: Schema.optionalKey(Schema.Int),
    totalPages: Schema.optionalKey(Schema.Int),
    total: Schema.optionalKey(Schema.Int)
  })
