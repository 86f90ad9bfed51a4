/** A Postgres of its own in a temporary folder, migrated, with trees of clients to debit. It is removed at the end. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EmbeddedPostgres } from "@capstan/postgres"
import { Migrations } from "@capstan/store"
import pg from "pg"
import { v7 as newId } from "uuid"

export interface Arena {
  readonly url: string
  readonly pool: pg.Pool
}

export const withArena = async <A>(use: (arena: Arena) => Promise<A>): Promise<A> => {
  const folder = await mkdtemp(join(tmpdir(), "capstan-bench-"))
  const server = await EmbeddedPostgres.start({ dir: join(folder, "postgres"), database: "capstan" })
  const pool = new pg.Pool({ connectionString: server.url, max: 16 })
  try {
    await Migrations.migrate(server.url)
    return await use({ url: server.url, pool })
  } finally {
    await pool.end()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const lots = 3
/** Micro-credits of a debit. */
export const amount = 5_000n

export interface Forest {
  readonly organization: string
  readonly shape: Shape
  /** Those that spend, each with a wallet of three lots. */
  readonly spenders: ReadonlyArray<string>
  /** The caps above each of them: the root's, the middle's, its own. */
  readonly caps: ReadonlyArray<ReadonlyArray<string>>
}

export interface Shape {
  readonly roots: number
  readonly middlesPerRoot: number
  readonly leavesPerMiddle: number
  readonly capped: boolean
  /** Whether caps have thresholds to tell of, and wallets a low balance and an auto-recharge. */
  readonly watched?: boolean
}

/** An organization of trees three levels deep; without middles its clients stand alone. */
export const plant = async ({ pool }: Arena, shape: Shape): Promise<Forest> => {
  const organization = newId()
  const now = new Date()
  await pool.query(
    `insert into organization (id, name, mode, currency, time_zone, created_at) values ($1, 'bench', 'live', 'EUR', 'UTC', $2)`,
    [organization, now]
  )
  const clients: Array<{ readonly id: string; readonly path: ReadonlyArray<string> }> = []
  const spenders: Array<string> = []
  const lines: Array<ReadonlyArray<string>> = []
  for (let r = 0; r < shape.roots; r++) {
    const root = newId()
    clients.push({ id: root, path: [] })
    if (shape.middlesPerRoot === 0) {
      spenders.push(root)
      lines.push([root])
    }
    for (let m = 0; m < shape.middlesPerRoot; m++) {
      const middle = newId()
      clients.push({ id: middle, path: [root] })
      for (let l = 0; l < shape.leavesPerMiddle; l++) {
        const leaf = newId()
        clients.push({ id: leaf, path: [root, middle] })
        spenders.push(leaf)
        lines.push([root, middle, leaf])
      }
    }
  }
  await pool.query(
    `insert into tree (organization_id, root_id, stamp, at) select $1, i, gen_random_uuid(), $3 from unnest($2::uuid[]) i`,
    [organization, clients.filter(({ path }) => path.length === 0).map(({ id }) => id), now]
  )
  await pool.query(
    `insert into client (organization_id, id, root_id, parent_id, path, name, currency, time_zone, onboarded_at, created_at, updated_at)
     select $1, i.id, coalesce(i.path[1], i.id), i.path[cardinality(i.path)], i.path, 'bench', 'EUR', 'UTC', $4, $4, $4
     from (select id, coalesce(string_to_array(nullif(path, ''), ' ')::uuid[], '{}') as path from unnest($2::uuid[], $3::text[]) as j(id, path)) i`,
    [organization, clients.map(({ id }) => id), clients.map(({ path }) => path.join(" ")), now]
  )
  await pool.query(
    `insert into wallet (organization_id, client_id, lots) select $1, i, (
       select json_agg(json_build_array(gen_random_uuid(), 'extra', '1000000000000', '0', 0, 0, null, '1/100', 'grant', 0, null, null))
       from generate_series(1, ${lots}) where i is not null
     ) from unnest($2::uuid[]) i`,
    [organization, clients.map(({ id }) => id)]
  )
  await pool.query(
    `insert into payer_of_record (organization_id, client_id, number, payer_id, since, actor)
     select $1, i, 1, i, $3, 'bench' from unnest($2::uuid[]) i`,
    [organization, clients.map(({ id }) => id), now]
  )
  const capByClient = new Map(shape.capped ? clients.map(({ id }) => [id, newId()]) : [])
  await pool.query(
    `insert into cap (organization_id, id, client_id, name, limit_cost, every, scope, enforcement, thresholds, anchor, created_at, updated_at)
     select $1, i.cap, i.client, 'default', 100000000000000000, 'month', 'extra', 'hard', $5::smallint[], $4, $4, $4
     from unnest($2::uuid[], $3::uuid[]) as i(cap, client)`,
    [organization, [...capByClient.values()], [...capByClient.keys()], now, shape.watched === true ? [50, 80, 100] : []]
  )
  if (shape.watched === true)
    await watch(
      { pool },
      organization,
      clients.map(({ id }) => id),
      now
    )
  await pool.query("vacuum analyze")
  const caps = lines.map((line) => line.flatMap((client) => capByClient.get(client) ?? []))
  return { organization, shape, spenders, caps }
}

/** A recharge that is armed and a balance that is told of, far below what is there. */
const watch = async (
  { pool }: Pick<Arena, "pool">,
  organization: string,
  clients: ReadonlyArray<string>,
  now: Date
): Promise<void> => {
  const pack = newId()
  await pool.query(
    `insert into credit_pack (organization_id, id, pack_key, version, name, price, currency, credits, created_at)
     values ($1, $2, 'bench', 1, 'bench', 1000, 'EUR', 100000000, $3)`,
    [organization, pack, now]
  )
  await pool.query(
    `insert into balance_watch (organization_id, client_id, low) select $1, i, 1000000 from unnest($2::uuid[]) i`,
    [organization, clients]
  )
  await pool.query(
    `insert into auto_recharge (organization_id, client_id, enabled, threshold, amount, pack_id, cooldown_ms,
       consented_by, consented_at, phase, updated_at)
     select $1, i, true, 1000000, 100000000, $3, 60000, 'bench', $4, 'armed', $4 from unnest($2::uuid[]) i`,
    [organization, clients, pack, now]
  )
}
