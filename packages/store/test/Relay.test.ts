import { Client, Database as TestDatabase, Organization } from "@capstan/testing"
import { afterAll, assert, it } from "vitest"
import * as Database from "../src/Database.ts"
import * as Relay from "../src/events/Relay.ts"

const database = Database.connect(TestDatabase.url, { max: 10 })
const pool = TestDatabase.pool()
afterAll(() => Promise.all([database.close(), pool.end()]))

/** An organization with so many events of each of its clients, and of itself. */
const create = async (clients: number, events: number) => {
  const organization = await Organization.create(pool)
  const ids: Array<string> = []
  for (let n = 0; n < clients; n++) ids.push(await Client.create(pool, organization))
  await pool.query(
    `insert into event (organization_id, id, client_id, number, kind, actor, at, payload)
     select $1, gen_random_uuid(), c, case when c is null then 0 else n end, 'test', 'test', now(), json_build_object('n', n)
     from unnest($2::uuid[] || null::uuid) as c, generate_series(1, $3) as n`,
    [organization.id, ids, events]
  )
  return { organization: organization.id, clients: ids }
}

const drain = async (
  organization: string,
  limit: number,
  handOn: (rows: ReadonlyArray<Relay.Row>) => Promise<void>
) => {
  let after: string | null = null
  for (;;) {
    const { relayed, last }: Relay.Page = await Relay.relay(database.db, organization, { after, limit }, handOn)
    if (relayed === 0 && last === null && after === null) return
    after = last
  }
}

const waiting = async (organization: string): Promise<number> => {
  const { rows } = await pool.query("select count(*) from event where organization_id = $1 and relayed_at is null", [
    organization
  ])
  return Number(rows[0].count)
}

const numberOf = ({ payload }: Relay.Row): number => (payload as { readonly n: number }).n

it("each row is handed on once, those of a client in their order", async () => {
  const { organization, clients } = await create(5, 30)
  const handed: Array<Relay.Row> = []
  await drain(organization, 20, async (rows) => void handed.push(...rows))
  assert.strictEqual(handed.length, 6 * 30)
  assert.strictEqual(new Set(handed.map(({ id }) => id)).size, 6 * 30)
  const inOrder = Array.from({ length: 30 }, (_, n) => n + 1)
  for (const client of clients)
    assert.deepStrictEqual(handed.filter((row) => row.client === client).map(numberOf), inOrder)
  assert.strictEqual(await waiting(organization), 0)
})

it("several relays at once hand on each row once, those of a client in their order", async () => {
  const { organization, clients } = await create(12, 25)
  const handed: Array<Relay.Row> = []
  const relayed = Array.from({ length: 4 }, () =>
    drain(organization, 40, async (rows) => {
      await pool.query("select")
      handed.push(...rows)
    })
  )
  await Promise.all(relayed)
  assert.strictEqual(new Set(handed.map(({ id }) => id)).size, handed.length)
  for (const client of clients) {
    const numbers = handed.filter((row) => row.client === client).map(numberOf)
    assert.deepStrictEqual(
      numbers,
      numbers.toSorted((a, b) => a - b)
    )
  }
  await drain(organization, 40, async (rows) => void handed.push(...rows))
  assert.strictEqual(handed.length, 13 * 25)
})

it("a client whose rows another relay has in hand is passed over", async () => {
  const { organization, clients } = await create(2, 3)
  const [first = "", second = ""] = clients.toSorted()
  const seen = await Relay.relay(database.db, organization, { after: null, limit: 2 }, async (rows) => {
    assert.deepStrictEqual(
      rows.flatMap(({ client }) => client ?? []),
      [first, first]
    )
    const others: Array<Relay.Row> = []
    await Relay.relay(database.db, organization, { after: null, limit: 100 }, async (rows) => void others.push(...rows))
    assert.deepStrictEqual(
      others.flatMap(({ client }) => client ?? []),
      [second, second, second]
    )
  })
  assert.strictEqual(seen.last, first)
  assert.strictEqual(await waiting(organization), 1)
})

it("rows that could not be handed on wait", async () => {
  const { organization } = await create(1, 3)
  const page = { after: null, limit: 10 }
  const failed = await Relay.relay(database.db, organization, page, () => Promise.reject(new Error("no"))).then(
    () => "relayed",
    ({ message }: Error) => message
  )
  assert.deepStrictEqual([failed, await waiting(organization)], ["no", 6])
  assert.include(await Relay.organizations(database.db, null, 1_000), organization)
  await drain(organization, 10, async () => {})
  assert.notInclude(await Relay.organizations(database.db, null, 1_000), organization)
})
