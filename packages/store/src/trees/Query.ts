/** A statement, run where the caller's transaction is, or none. */
import { CompiledQuery } from "kysely"
import type pg from "pg"
import type { Trx } from "../Database.ts"

export type Query = <Row>(name: string, text: string, values: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Row>>

/** Prepared once by each session, under its name. */
export const ofClient =
  (client: Pick<pg.PoolClient, "query">): Query =>
  async <Row>(name: string, text: string, values: ReadonlyArray<unknown>) => {
    const { rows } = await client.query<pg.QueryResultRow & Row>({ name, text, values: [...values] })
    return rows
  }

export const ofTrx =
  (trx: Pick<Trx, "executeQuery">): Query =>
  async <Row>(_name: string, text: string, values: ReadonlyArray<unknown>) =>
    (await trx.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows
