/** Parts of filters. */
import { type RawBuilder, type SqlBool, sql } from "kysely"

export type Condition = RawBuilder<SqlBool>

/** None where the filter was not given. */
export const given = <A>(value: A | undefined, condition: (value: A) => Condition): ReadonlyArray<Condition> =>
  value === undefined ? [] : [condition(value)]

export const any = (conditions: ReadonlyArray<Condition>): Condition =>
  conditions.length === 0 ? sql<boolean>`false` : sql<boolean>`(${sql.join(conditions, sql` or `)})`

export const all = (conditions: ReadonlyArray<Condition>): Condition =>
  conditions.length === 0 ? sql<boolean>`true` : sql<boolean>`(${sql.join(conditions, sql` and `)})`

/** A single value leaves the rows in the order of an index. */
export const isOneOf = (what: RawBuilder<unknown>, values: ReadonlyArray<string>, type: "text" | "uuid"): Condition =>
  values.length === 1
    ? sql<boolean>`${what} = ${values[0]}::${sql.raw(type)}`
    : sql<boolean>`${what} = any(${[...values]}::${sql.raw(type)}[])`

/** A text as it stands, in a pattern of `like`. */
export const literally = (text: string): string => text.replaceAll(/[\\%_]/g, "\\$&")
