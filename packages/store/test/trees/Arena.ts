/**
 * Where gates are put to the test: several on one database, organizations with trees in it, and sessions that get in
 * their way. Sessions end with their test, gates when all tests of the file are over.
 */
import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { assert } from "@effect/vitest"
import { type Credits, Rate, type Tree, type Wallet } from "@capstan/domain"
import { Result } from "effect"
import pg from "pg"
import { v7 } from "uuid"
import { afterAll, onTestFinished } from "vitest"
import type { Caller } from "../../src/Caller.ts"
import * as Database from "../../src/Database.ts"
import * as Trees from "../../src/Trees.ts"

export { capture, check, debit, lease, release, reserve, settle } from "./Requests.ts"

/** What callers take for now unless they say: noon of a Tuesday. */
export const now = Date.UTC(2026, 2, 10, 12)
export const credit = 1_000_000n
export const minute = 60_000
export const day = 86_400_000

export interface Arena {
  readonly url: string
  readonly pool: pg.Pool
  readonly gate: (options?: Partial<Trees.Options>, url?: string, onFault?: (error: unknown) => void) => Trees.Doors
  /** A transaction of somebody else. */
  readonly session: () => Promise<Session>
}

export interface Session {
  readonly query: pg.Client["query"]
  readonly lock: (organization: string, ...roots: ReadonlyArray<string>) => Promise<void>
  /** As every writer must. */
  readonly stamp: (organization: string, root: string) => Promise<void>
  /** Until so many others wait for it, or `unless` came to an end without. */
  readonly waitedFor: (others?: number, unless?: Promise<unknown>) => Promise<void>
  /** Until nobody waits for it. */
  readonly notWaitedFor: () => Promise<void>
  readonly commit: () => Promise<void>
  readonly rollback: () => Promise<void>
}

export const open = (url: string = TestDatabase.url): Arena => {
  const pool = TestDatabase.pool(url)
  const database = Database.connect(url, { max: 12 })
  const databases = [database]
  const gates: Array<Trees.Doors> = []
  pool.on("error", () => {})
  afterAll(async () => {
    await Promise.all(gates.map((gate) => gate.close()))
    await Promise.all([...databases.map((database) => database.close()), pool.end()])
  })
  return {
    url,
    pool,
    gate: (options = {}, at = url, onFault = () => {}) => {
      const own = new URL(at).host === new URL(url).host ? database : Database.connect(at, { max: 4 })
      const gate = Trees.open(at, own, options, onFault)
      gates.push(gate)
      if (own !== database) databases.push(own)
      return gate
    },
    session: async () => {
      const client = new pg.Client(url)
      await client.connect()
      onTestFinished(() => client.end())
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid")
      const pid = rows[0]?.pid
      await client.query("begin")
      return {
        query: client.query.bind(client) as pg.Client["query"],
        lock: async (organization, ...roots) => {
          const text = `select from tree where organization_id = $1 and root_id = any($2::uuid[]) order by root_id for no key update`
          await client.query(text, [organization, roots])
        },
        stamp: async (organization, root) => {
          await client.query("update tree set stamp = $3 where organization_id = $1 and root_id = $2", [
            organization,
            root,
            v7()
          ])
        },
        waitedFor: async (others = 1, unless) => {
          let over = false
          void unless?.then(() => (over = true))
          // Who comes second may wait for the first, who waits for us.
          const text = `with recursive waiting as (
              select pid from pg_stat_activity where $1 = any(pg_blocking_pids(pid))
              union select a.pid from pg_stat_activity a join waiting w on w.pid = any(pg_blocking_pids(a.pid))
            ) select from waiting`
          for (let tries = 0; !over && tries < 400; tries++) {
            const { rowCount } = await pool.query(text, [pid])
            if ((rowCount ?? 0) >= others) return
            await pause(5)
          }
          if (!over) assert.fail(`no ${others} came to wait`)
        },
        notWaitedFor: async () => {
          const text = "select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
          while (((await pool.query(text, [pid])).rowCount ?? 0) > 0) await pause(2)
        },
        commit: async () => void (await client.query("commit")),
        rollback: async () => void (await client.query("rollback"))
      }
    }
  }
}

/** An organization, and who asks on its behalf. */
export interface Tenant {
  readonly id: string
  readonly client: (options?: Client.Options) => Promise<string>
  readonly caller: (options?: Partial<Caller>) => Caller
}

export const tenant = async ({ pool }: Arena, options: Organization.Options = {}): Promise<Tenant> => {
  const { id } = await Organization.create(pool, options)
  return {
    id,
    client: (options) => Client.create(pool, { id }, options),
    caller: (options = {}) => ({
      organization: id,
      reach: null,
      actor: "test",
      scopes: new Set(),
      now,
      key: v7(),
      ifMatch: null,
      ...options
    })
  }
}

export const lot = (left: Credits.Credits, more: Partial<Wallet.Lot> = {}): Wallet.Lot => ({
  id: v7(),
  kind: "extra",
  left,
  held: 0n,
  priority: 0,
  effectiveAt: now - day,
  expiresAt: null,
  unitCost: Rate.of(1n, 1n),
  source: "grant",
  allowance: false,
  outlives: null,
  features: null,
  ...more
})

export const grant = async (gate: Trees.Doors, caller: Caller, client: string, lot: Wallet.Lot): Promise<void> => {
  const key = { namespace: "caller", key: v7(), hash: null } as const
  const command = { _tag: "Grant", lot, at: caller.now } as const
  Result.getOrThrow(await gate.change(caller, [client], (_, locked) => locked.post(client, command, key)))
}

export const suspend = (gate: Trees.Doors, caller: Caller, client: string) =>
  lifecycle(gate, caller, client, {
    _tag: "Suspend",
    suspension: { cause: "operator", by: caller.actor, at: caller.now, reason: null, note: null }
  })

export const lift = (gate: Trees.Doors, caller: Caller, client: string) =>
  lifecycle(gate, caller, client, { _tag: "Lift", cause: "operator", by: caller.actor, at: caller.now })

const lifecycle = (
  gate: Trees.Doors,
  caller: Caller,
  client: string,
  command: Extract<Tree.Command, { readonly _tag: "ChangeLifecycle" }>["command"]
) =>
  gate.change(caller, [client], (_, locked) =>
    locked.decide(client, { _tag: "ChangeLifecycle", command, at: caller.now })
  )

export interface CapOptions {
  readonly limit: bigint
  readonly every?: string
  readonly scope?: "all" | "extra"
  readonly thresholds?: ReadonlyArray<number>
  readonly member?: string | null
}

/** A hard cap of its own name, through the locked door. */
export const cap = async (gate: Trees.Doors, caller: Caller, client: string, options: CapOptions): Promise<string> => {
  const { every = "month", limit, scope = "extra", thresholds = [], member = null } = options
  const id = v7()
  const at = new Date(caller.now)
  const set = gate.change(caller, [client], async (trx) => {
    await trx
      .insertInto("cap")
      .values({
        organization_id: caller.organization,
        id,
        client_id: client,
        name: id,
        limit_cost: limit,
        every,
        scope,
        member,
        enforcement: "hard",
        thresholds: [...thresholds],
        anchor: at,
        created_at: at,
        updated_at: at
      })
      .execute()
    return Result.succeed(id)
  })
  return Result.getOrThrow(await set)
}

/** What an answer was: `Posted`, or why not. */
export const outcome = (answer: Result.Result<Trees.Posted, Trees.Refused>): string =>
  Result.isSuccess(answer) ? (answer.success.replayed ? "Replayed" : "Posted") : answer.failure._tag

export const entryOf = (answer: Result.Result<Trees.Posted, Trees.Refused>): Trees.Entry => {
  if (Result.isFailure(answer)) assert.fail(`refused: ${answer.failure._tag}`)
  return answer.success.entry
}

export const holdOf = (answer: Result.Result<Trees.Posted, Trees.Refused>): string => entryOf(answer).hold ?? ""

export const balance = async (gate: Trees.Doors, caller: Caller, client: string): Promise<Credits.Credits> => {
  const { branch } = Result.getOrThrow(await gate.look(caller, client))
  return branch.wallet.lots.reduce((sum, { left }) => sum + left, 0n)
}

/** How many entries a client's ledger has of a kind. */
export const entries = async ({ pool }: Arena, tenant: Tenant, client: string, kind: string): Promise<number> => {
  const text = "select from entry where organization_id = $1 and client_id = $2 and kind = $3"
  return (await pool.query(text, [tenant.id, client, kind])).rowCount ?? 0
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
