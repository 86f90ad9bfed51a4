import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { check, credit, debit, outcome } = Arena
const arena = Arena.open()
const [here, elsewhere] = [arena.gate(), arena.gate()]

const family = async () => {
  const tenant = await Arena.tenant(arena)
  const root = await tenant.client()
  const parent = await tenant.client({ parent: root })
  const spender = await tenant.client({ parent })
  const spend = async (amount: bigint, gate = here) => outcome(await gate.post(tenant.caller(), debit(spender, amount)))
  return { tenant, root, parent, spender, spend }
}

describe("a refusal from a cache that another process has made stale", () => {
  it("is not given: a grant made elsewhere is spent by the very next debit", async () => {
    const { tenant, spender, spend } = await family()
    assert.strictEqual(await spend(credit), "InsufficientCredits")
    for (let times = 0; times < 3; times++) {
      await Arena.grant(elsewhere, tenant.caller(), spender, Arena.lot(credit))
      assert.strictEqual(await spend(credit), "Posted")
      assert.strictEqual(await spend(credit), "InsufficientCredits")
    }
    await audit(arena.pool, tenant.id)
  })

  it("is not given by a check either", async () => {
    const { tenant, spender } = await family()
    const allowed = async () => Result.getOrThrow(await here.post(tenant.caller(), check(spender, credit))).refusal
    assert.strictEqual((await allowed())?._tag, "InsufficientCredits")
    await Arena.grant(elsewhere, tenant.caller(), spender, Arena.lot(credit))
    assert.strictEqual(await allowed(), null)
  })

  it("is given when it is due: a suspension made elsewhere, of the client or above it, refuses the very next debit", async () => {
    const { tenant, root, parent, spender, spend } = await family()
    await Arena.grant(elsewhere, tenant.caller(), spender, Arena.lot(100n * credit))
    for (const [client, refusal] of [
      [spender, "ClientSuspended"],
      [parent, "AncestorSuspended"],
      [root, "AncestorSuspended"]
    ] as const) {
      assert.strictEqual(await spend(credit), "Posted")
      Result.getOrThrow(await Arena.suspend(elsewhere, tenant.caller(), client))
      assert.strictEqual(await spend(credit), refusal)
      Result.getOrThrow(await Arena.lift(elsewhere, tenant.caller(), client))
    }
    assert.strictEqual(await spend(credit), "Posted")
  })

  it("knows a cap that was set elsewhere, and what was spent under it there", async () => {
    const { tenant, root, spender, spend } = await family()
    await Arena.grant(here, tenant.caller(), spender, Arena.lot(100n * credit))
    assert.strictEqual(await spend(credit), "Posted")
    await Arena.cap(elsewhere, tenant.caller(), root, { limit: 10n * credit })
    assert.strictEqual(await spend(11n * credit), "SpendingCapReached")
    assert.strictEqual(await spend(10n * credit, elsewhere), "Posted")
    assert.strictEqual(await spend(credit), "SpendingCapReached")
    await audit(arena.pool, tenant.id)
  })

  it("is not given by the process that made the change through its locked door", async () => {
    const { tenant, spender, spend } = await family()
    assert.strictEqual(await spend(credit), "InsufficientCredits")
    await Arena.grant(here, tenant.caller(), spender, Arena.lot(credit))
    assert.strictEqual(await spend(credit), "Posted")
  })
})

describe("a tree brought back to an older stamp, as a failover does", () => {
  it("and written to otherwise since, is not taken for what a cache knows of it", async () => {
    const { tenant, root, spender, spend } = await family()
    await Arena.grant(here, tenant.caller(), spender, Arena.lot(100n * credit))
    assert.strictEqual(await spend(10n * credit), "Posted")
    const kept = await saved(tenant.id, root, spender)
    // Acknowledged, and lost by the standby that takes over; then as many writes, but other ones.
    assert.strictEqual(await spend(10n * credit), "Posted")
    await kept.restore()
    assert.strictEqual(await spend(50n * credit, elsewhere), "Posted")
    assert.strictEqual(await spend(45n * credit), "InsufficientCredits")
    assert.strictEqual(await spend(40n * credit), "Posted")
    const { wallets } = await audit(arena.pool, tenant.id)
    assert.deepStrictEqual(wallets.get(spender)?.lots, [])
  })

  it("is read again, where nothing else was written", async () => {
    const { tenant, root, spender, spend } = await family()
    await Arena.grant(here, tenant.caller(), spender, Arena.lot(100n * credit))
    assert.strictEqual(await spend(10n * credit), "Posted")
    const kept = await saved(tenant.id, root, spender)
    assert.strictEqual(await spend(90n * credit), "Posted")
    await kept.restore()
    assert.strictEqual(await spend(90n * credit), "Posted")
    await audit(arena.pool, tenant.id)
  })
})

/** The rows of a tree as they are, to be put back later. */
const saved = async (organization: string, root: string, client: string) => {
  const { pool } = arena
  const trees = await pool.query("select stamp, at from tree where organization_id = $1 and root_id = $2", [
    organization,
    root
  ])
  const wallets = await pool.query(
    "select seq, lots, remainders from wallet where organization_id = $1 and client_id = $2",
    [organization, client]
  )
  const [{ seq, lots, remainders }] = wallets.rows
  return {
    restore: async () => {
      const other = await arena.session()
      await other.lock(organization, root)
      const [{ stamp, at }] = trees.rows
      await other.query("update tree set stamp = $3, at = $4 where organization_id = $1 and root_id = $2", [
        organization,
        root,
        stamp,
        at
      ])
      await other.query(
        "update wallet set seq = $3, lots = $4, remainders = $5 where organization_id = $1 and client_id = $2",
        [organization, client, seq, JSON.stringify(lots), JSON.stringify(remainders)]
      )
      await other.query("delete from entry where organization_id = $1 and payer_id = $2 and seq > $3", [
        organization,
        client,
        seq
      ])
      await other.commit()
    }
  }
}
