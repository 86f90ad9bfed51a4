/**
 * A page of a list. A cursor names the last item of the page before by its place in the order, so rows that come or go
 * meanwhile shift nothing.
 */
import { Result } from "effect"
import { sql } from "kysely"
import { isId } from "../Ids.ts"
import type { Failure } from "../Failure.ts"

export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** Null on the last page. */
  readonly nextCursor: string | null
}

/** A page that was asked for by its number, from 1. */
export interface Numbered<A> extends Page<A> {
  readonly page?: number
  readonly totalPages?: number
  readonly total?: number
}

export interface Asked {
  readonly limit: number
  readonly cursor?: string | undefined
}

/** A place in an order: what is sorted by, and the id. */
export type Place = readonly [order: string, value: number | string, id: string]

/** The page out of rows that were read one more than it takes. */
export const of = <A>(rows: ReadonlyArray<A>, limit: number, placeOf: (row: A) => Place): Page<A> => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorOf(placeOf(last)) : null }
}

export const cursorOf = (place: ReadonlyArray<number | string>): string =>
  Buffer.from(JSON.stringify(place)).toString("base64url")

/** What a cursor says, whoever wrote it. */
export const said = (cursor: string): unknown => parse(Buffer.from(cursor, "base64url").toString())

export const foreign: Failure = {
  _tag: "OutOfRange",
  message: "The cursor is not one of this list: start without it."
}

/** Where a page starts; null is the beginning. A cursor is good for the order that it was made for. */
export const start = (
  cursor: string | undefined,
  order: string,
  by: "number" | "string" = "string"
): Result.Result<Place | null, Failure> => {
  if (cursor === undefined) return Result.succeed(null)
  const place = said(cursor)
  return isPlace(place) && place[0] === order && typeof place[1] === by ? Result.succeed(place) : Result.fail(foreign)
}

/** What comes after a place in a list that is newest first, by when and id. */
export const older = (place: Place | null, at: "at" | "created_at") =>
  place === null
    ? sql<boolean>`true`
    : sql<boolean>`(${sql.ref(at)}, id) < (${new Date(Number(place[1]))}::timestamptz, ${place[2]}::uuid)`

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Whoever wrote it: what Postgres takes. */
const isPlace = (place: unknown): place is Place => {
  if (!Array.isArray(place) || place.length !== 3) return false
  const [order, value, id]: ReadonlyArray<unknown> = place
  return typeof order === "string" && isValue(value) && typeof id === "string" && isId(id)
}

export const isValue = (value: unknown): value is number | string =>
  typeof value === "number"
    ? Number.isInteger(value) && value >= 0 && value < 1e14
    : typeof value === "string" && !value.includes("\0")
