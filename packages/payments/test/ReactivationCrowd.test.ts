/** A client with many below it that subscribe comes back: in as many statements as with one, and all around it goes on. */
import { consumeCredits, reactivateClient, suspendClient } from "@capstan/billing"
import { Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { give } from "./Recharging.ts"
import { credit } from "./Selling.ts"
import { months, plan, subscribe } from "./Suspending.ts"
import { attempt, database, day, payer, pool, run, world } from "./World.ts"

const late = months(2) + day

/** As many children of a suspended client as there are, each subscribed; beside it a sibling with credits. */
const crowd = async (children: number, price: bigint) => {
  const here = await world()
  const { caller, organization } = here
  const root = (await payer(here, "sandbox_succeed", {})).client
  const parent = await Client.create(pool, organization, { parent: root })
  const sibling = await Client.create(pool, organization, { parent: root })
  await give(caller(), sibling, 1_000)
  await plan(caller(), { price })
  const child = await Client.create(pool, organization, { parent })
  await copies(await subscribe(here, child), child, children - 1)
  const at = () => caller({ now: late, key: Ids.mint() })
  await run(suspendClient(caller({ key: Ids.mint() }), { client: parent, reason: null, note: null }))
  return { organization, at, parent, sibling }
}

const copies = async (subscription: string, client: string, many: number): Promise<void> => {
  const columnsOf = async (table: string, except: ReadonlyArray<string>) => {
    const { rows } = await pool.query<{ name: string }>(
      "select column_name as name from information_schema.columns where table_name = $1 and is_generated = 'NEVER' and column_name <> all($2)",
      [table, except]
    )
    return rows.map(({ name }) => name)
  }
  const own = (await columnsOf("client", ["id", "external_id"])).join()
  await pool.query(
    `with made as (insert into client (id, ${own}) select gen_random_uuid(), ${own} from client, generate_series(1, ${many})
       where id = $1 returning organization_id, id)
     insert into wallet (organization_id, client_id) select organization_id, id from made`,
    [client]
  )
  const columns = await columnsOf("subscription", ["id", "client_id"])
  await pool.query(
    `insert into subscription (id, client_id, ${columns.join()})
     select gen_random_uuid(), c.id, ${columns.map((name) => `s.${name}`).join()} from subscription s
     join client c on c.organization_id = s.organization_id
       and c.parent_id = (select parent_id from client where id = $2) and c.id <> $2
     where s.id = $1`,
    [subscription, client]
  )
}

/** How many statements the use cases' own connections are asked for. */
const counted = async (work: () => Promise<unknown>): Promise<number> => {
  const { pool: own } = await database()
  let count = 0
  const hear = (client: object) => {
    if (Object.hasOwn(client, "query")) return
    const query: unknown = Reflect.get(client, "query")
    if (typeof query !== "function") throw new Error("A connection that nothing can be asked of")
    Object.defineProperty(client, "query", {
      configurable: true,
      value: (...asked: ReadonlyArray<unknown>): unknown => {
        count++
        return Reflect.apply(query, client, asked)
      }
    })
    deafen.push(() => Reflect.deleteProperty(client, "query"))
  }
  const deafen: Array<() => boolean> = []
  own.on("acquire", hear)
  await work()
  own.off("acquire", hear)
  for (const undo of deafen) undo()
  return count
}

describe("a subtree that is served again", () => {
  for (const price of [0n, 2_900n])
    it(`takes as many statements with many children as with two, at a price of ${price}`, async () => {
      const statements: Array<number> = []
      for (const children of [2, 120]) {
        const { organization, at, parent } = await crowd(children, price)
        statements.push(await counted(() => run(reactivateClient(at(), { client: parent }))))
        const { rows } = await pool.query<{ status: string; count: number; orders: number }>(
          `select status, count(*)::int as count,
             (select count(*)::int from billing_order o join billed_period b on b.order_id = o.id
              where o.organization_id = $1 and o.reason = 'subscription_cycle') as orders
           from subscription where organization_id = $1 group by status`,
          [organization.id]
        )
        const status = price === 0n ? "active" : "past_due"
        assert.deepStrictEqual(rows, [{ status, count: children, orders: price === 0n ? 0 : children }])
      }
      const [few, many] = statements
      assert.strictEqual(many, few)
    })

  it("leaves its siblings to spend meanwhile", { timeout: 60_000 }, async () => {
    const { at, parent, sibling } = await crowd(400, 2_900n)
    const asked = {
      client: sibling,
      amount: credit,
      feature: null,
      meter: null,
      allowPartial: false,
      effectiveAt: null
    }
    let back = false
    const spent: Array<string> = []
    const spending = async () => {
      while (!back) spent.push((await attempt(consumeCredits(at(), asked)))._tag)
    }
    const reactivating = run(reactivateClient(at(), { client: parent })).finally(() => {
      back = true
    })
    await Promise.all([spending(), reactivating])
    assert.deepStrictEqual([...new Set(spent)], ["Success"])
  })
})
