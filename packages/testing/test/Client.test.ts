import { Client, Database, Organization } from "@capstan/testing"
import { afterAll, assert, it } from "vitest"

const pool = Database.pool()
afterAll(() => pool.end())

it("a tree of clients has one root row, a wallet each, and the path from the root", async () => {
  const organization = await Organization.create(pool)
  const root = await Client.create(pool, organization)
  const child = await Client.create(pool, organization, { parent: root, onboarded: false })
  const grandchild = await Client.create(pool, organization, { parent: child })
  const { rows: trees } = await pool.query("select root_id from tree where organization_id = $1", [organization.id])
  assert.deepStrictEqual(trees, [{ root_id: root }])
  const { rows } = await pool.query(
    `select c.id, path, root_id, onboarded_at is not null as onboarded from client c
     join wallet w on w.organization_id = c.organization_id and w.client_id = c.id
     where c.organization_id = $1 order by c.id`,
    [organization.id]
  )
  assert.deepStrictEqual(rows, [
    { id: root, path: [], root_id: root, onboarded: true },
    { id: child, path: [root], root_id: root, onboarded: false },
    { id: grandchild, path: [root, child], root_id: root, onboarded: true }
  ])
})
