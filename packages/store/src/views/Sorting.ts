/**
 * An order by several keys, and by id where all of them are equal, so that it is total: a cursor names the place of the
 * last item in it.
 */
import type { Id } from "@capstan/domain"
import { Result } from "effect"
import { type RawBuilder, sql } from "kysely"
import type { Failure } from "../Failure.ts"
import { isId } from "../Ids.ts"
import * as Page from "./Page.ts"

/** What may be sorted by: never null, and indexed as it stands here. */
export interface Key {
  readonly value: RawBuilder<unknown>
  readonly is: "instant" | "text"
}

interface Directed extends Key {
  readonly descending: boolean
}

export interface Order {
  /** A cursor is good for the order that it was made for. */
  readonly name: string
  readonly keys: ReadonlyArray<Directed>
  readonly id: RawBuilder<unknown>
}

export interface Place {
  readonly values: ReadonlyArray<number | string>
  readonly id: Id.Id
}

export type Name<Keys> = `-${keyof Keys & string}` | (keyof Keys & string)

export const of = <Keys extends Readonly<Record<string, Key>>>(
  keys: Keys,
  id: RawBuilder<unknown>,
  names: ReadonlyArray<Name<Keys>>
): Order => {
  const firsts = names.filter((name, n) => names.findIndex((other) => bare(other) === bare(name)) === n)
  return {
    name: firsts.join(),
    keys: firsts.flatMap((name) => {
      const key = keys[bare(name)]
      return key === undefined ? [] : [{ ...key, descending: name.startsWith("-") }]
    }),
    id
  }
}

const bare = (name: string): string => name.replace(/^-/, "")

/** Where a page starts; null is the beginning. */
export const start = (cursor: string | undefined, { name, keys }: Order): Result.Result<Place | null, Failure> => {
  if (cursor === undefined) return Result.succeed(null)
  const place = Page.said(cursor)
  if (!Array.isArray(place) || place.length !== keys.length + 2 || place[0] !== name) return Result.fail(Page.foreign)
  const values: ReadonlyArray<unknown> = place.slice(1, -1)
  const id: unknown = place.at(-1)
  const fit = values.every((value, n) => typeof value === (keys[n]?.is === "text" ? "string" : "number"))
  return fit && values.every(Page.isValue) && typeof id === "string" && isId(id)
    ? Result.succeed({ values, id })
    : Result.fail(Page.foreign)
}

export const cursorOf = ({ name }: Order, { values, id }: Place): string => Page.cursorOf([name, ...values, id])

/** For `order by`. */
export const terms = (order: Order): RawBuilder<unknown> =>
  sql.join([
    ...order.keys.map(({ value, descending }) => sql`${value} ${direction(descending)}`),
    sql`${order.id} ${direction(isDescending(order))}`
  ])

/** The values of a row, as a place has them. */
export const values = ({ keys }: Order): RawBuilder<ReadonlyArray<number | string>> =>
  sql`json_build_array(${sql.join(
    keys.map(({ value, is }) => (is === "text" ? value : sql`(extract(epoch from ${value}) * 1000)::bigint`))
  )})`

/** What comes after a place. By one key it is a comparison of rows, by which an index is entered at its place. */
export const beyond = (order: Order, place: Place): RawBuilder<boolean> => {
  const [first, ...others] = order.keys.map((key, n) => ({ ...key, from: literal(key, place.values[n] ?? "") }))
  const after = sql<boolean>`${order.id} ${further(isDescending(order))} ${place.id}::uuid`
  if (first === undefined) return after
  const isFurther = further(first.descending)
  if (others.length === 0)
    return sql<boolean>`(${first.value}, ${order.id}) ${isFurther} (${first.from}, ${place.id}::uuid)`
  const rest = [first, ...others].reduceRight(
    (then, { value, from, descending }) =>
      sql<boolean>`(${value} ${further(descending)} ${from} or (${value} = ${from} and ${then}))`,
    after
  )
  return sql<boolean>`(${first.value} ${isFurther}= ${first.from} and ${rest})`
}

const literal = ({ is }: Key, value: number | string) =>
  is === "text" ? sql`${String(value)}::text` : sql`${new Date(Number(value))}::timestamptz`

/** Ids go with the last key. */
const isDescending = ({ keys }: Order): boolean => keys.at(-1)?.descending ?? false
const direction = (descending: boolean) => sql.raw(descending ? "desc" : "asc")
const further = (descending: boolean) => sql.raw(descending ? "<" : ">")
