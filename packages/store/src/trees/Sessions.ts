/** The gate's connections: one statement on any of them, or a transaction. */
import type pg from "pg"
import { sqlState } from "../Database.ts"
import * as Query from "./Query.ts"

/** Nothing was sent. */
export class NotConnected extends Error {}

export class Sessions {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async run<A>(use: (query: Query.Query) => Promise<A>): Promise<A> {
    const client = await this.#connect()
    try {
      const result = await use(Query.ofClient(client))
      client.release()
      return result
    } catch (error) {
      client.release(sqlState(error) === undefined)
      throw error
    }
  }

  async transaction<A>(use: (query: Query.Query) => Promise<A>): Promise<A> {
    const client = await this.#connect()
    try {
      await client.query("begin")
      const result = await use(Query.ofClient(client))
      await client.query("commit")
      client.release()
      return result
    } catch (error) {
      const code = sqlState(error)
      if (code !== undefined) await client.query("rollback").catch(() => {})
      client.release(code === undefined)
      throw error
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (cause) {
      throw new NotConnected("The database cannot be reached.", { cause })
    }
  }
}
