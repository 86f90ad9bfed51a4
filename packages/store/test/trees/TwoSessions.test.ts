import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { v7 } from "uuid"
import { afterAll } from "vitest"
import * as Database from "../../src/Database.ts"
import { runOpen } from "../../src/trees/Batch.ts"
import { Cache } from "../../src/trees/Cache.ts"
import type { Query } from "../../src/trees/Query.ts"
import * as Rows from "../../src/trees/Rows.ts"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { credit, debit, outcome } = Arena
const arena = Arena.open()
const connection = Database.connect(arena.url, { max: 1 })
afterAll(connection.close)

/** A tree that a gate has in its cache, and a session that holds its root. */
const contested = async () => {
  const gate = arena.gate()
  const tenant = await Arena.tenant(arena)
  const root = await tenant.client()
  const spender = await tenant.client({ parent: root })
  const sibling = await tenant.client({ parent: root })
  const cap = await Arena.cap(gate, tenant.caller(), root, { limit: 10n * credit })
  for (const client of [spender, sibling])
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(100n * credit, { id: client }))
  assert.strictEqual(outcome(await gate.post(tenant.caller(), debit(spender, credit))), "Posted")
  const other = await arena.session()
  await other.lock(tenant.id, root)
  return { gate, tenant, root, spender, sibling, cap, other }
}

describe("a write committed between a statement's snapshot and its lock", () => {
  it("is seen: a suspension refuses the debit that waited for it", async () => {
    const { gate, tenant, root, spender, other } = await contested()
    const answer = gate.post(tenant.caller(), debit(spender, credit))
    await other.waitedFor(1, answer)
    await other.query("update client set suspensions = $3 where organization_id = $1 and id = $2", [
      tenant.id,
      root,
      JSON.stringify([{ cause: "operator", by: "test", at: Arena.now, reason: null, note: null }])
    ])
    await other.stamp(tenant.id, root)
    await other.commit()
    assert.strictEqual(outcome(await answer), "AncestorSuspended")
    assert.strictEqual(await Arena.entries(arena, tenant, spender, "Debited"), 1)
  })

  it("is seen: what a sibling used of a cap is not used again", async () => {
    const { gate, tenant, root, spender, sibling, cap, other } = await contested()
    const answer = gate.post(tenant.caller(), debit(spender, 5n * credit))
    await other.waitedFor(1, answer)
    await debited(other, { tenant, root, client: sibling, cap, amount: 9n * credit, key: v7() })
    await other.commit()
    assert.strictEqual(outcome(await answer), "SpendingCapReached")
    await audit(arena.pool, tenant.id)
  })

  it("is seen: the same key, used by the other, is answered as it was", async () => {
    const { gate, tenant, root, spender, cap, other } = await contested()
    const key = v7()
    const answer = gate.post(tenant.caller({ key }), debit(spender, 2n * credit))
    await other.waitedFor(1, answer)
    await debited(other, { tenant, root, client: spender, cap, amount: 2n * credit, key, seq: 3 })
    await other.commit()
    assert.strictEqual(outcome(await answer), "Replayed")
    assert.strictEqual(await Arena.entries(arena, tenant, spender, "Debited"), 2)
  })
})

describe("a writer that is waited for", () => {
  it("and rolls back has changed nothing", async () => {
    const { gate, tenant, root, spender, sibling, cap, other } = await contested()
    const answer = gate.post(tenant.caller(), debit(spender, 5n * credit))
    await other.waitedFor(1, answer)
    await debited(other, { tenant, root, client: sibling, cap, amount: 9n * credit, key: v7() })
    await other.rollback()
    assert.strictEqual(outcome(await answer), "Posted")
    await audit(arena.pool, tenant.id)
  })

  it("is waited for by the locked door as well, which then reads what it left", async () => {
    const { gate, tenant, root, spender, sibling, cap, other } = await contested()
    const caller = tenant.caller()
    const key = { namespace: "caller", key: v7(), hash: null } as const
    const answer = gate.change(caller, [spender], (_, locked) =>
      locked.post(
        spender,
        {
          _tag: "Debit",
          amount: 5n * credit,
          feature: null,
          member: null,
          meter: null,
          allowPartial: false,
          at: caller.now
        },
        key
      )
    )
    await other.waitedFor(1, answer)
    await debited(other, { tenant, root, client: sibling, cap, amount: 9n * credit, key: v7() })
    await other.commit()
    assert.strictEqual((await answer)._tag, "Failure")
    await audit(arena.pool, tenant.id)
  })
})

describe("a write committed between two reads for one batch", () => {
  it("is noticed: nobody is taken for gone, and nothing old is decided on", async () => {
    const gate = arena.gate()
    const tenant = await Arena.tenant(arena)
    const client = await tenant.client()
    await Arena.grant(gate, tenant.caller(), client, Arena.lot(10n * credit))
    assert.strictEqual(outcome(await gate.post(tenant.caller(), Arena.reserve(client, credit))), "Posted")
    // The first read finds a hold that has ended, so there is a second one. In between, somebody spends.
    const caller = tenant.caller({ now: Arena.now + Arena.minute })
    let reads = 0
    const query: Query = async (name, text, values) => {
      if (name === "load" && ++reads === 2)
        assert.strictEqual(outcome(await gate.post(caller, debit(client, 4n * credit))), "Posted")
      const { rows } = await connection.pool.query({ text, values: [...values] })
      return rows
    }
    const job = {
      caller: { ...caller, key: v7() },
      request: debit(client, 7n * credit),
      location: { client, root: client }
    }
    const { answers, lost } = await runOpen(query, new Cache(1_000), tenant.id, [job], "all")
    assert.strictEqual(reads, 3)
    assert.deepStrictEqual(lost, [])
    assert.deepStrictEqual(
      answers.map(([, answer]) => (Result.isFailure(answer) ? answer.failure._tag : answer.success._tag)),
      ["InsufficientCredits"]
    )
    await audit(arena.pool, tenant.id)
  })
})

/** What a debit of a process that is not ours writes: entry, wallet, window, stamp. */
const debited = async (
  { query, stamp }: Arena.Session,
  of: {
    readonly tenant: Arena.Tenant
    readonly root: string
    readonly client: string
    readonly cap: string
    readonly amount: bigint
    readonly key: string
    readonly seq?: number
  }
) => {
  const { tenant, root, client, cap, amount, key, seq = 2 } = of
  const start = Date.UTC(2026, 2, 1)
  const end = Date.UTC(2026, 3, 1)
  const before = seq === 2 ? 100n * credit : 99n * credit
  const { hash } = debit(client, amount)
  await query(
    `insert into entry (organization_id, payer_id, seq, client_id, namespace, key, request_hash, kind, asked, amount,
       balance, detail, counts, at)
     values ($1, $2, $3, $2, 'caller', $4, $5, 'Debited', $6, $6, $7, $8, $9, $10)`,
    [
      tenant.id,
      client,
      seq,
      key,
      hash,
      amount,
      before - amount,
      JSON.stringify({ portions: [[client, `${amount}`, `${amount}`, 1]] }),
      JSON.stringify([[cap, start, end, "extra", `${amount}`, "0"]]),
      new Date(Arena.now)
    ]
  )
  const lots = Rows.lotsText([Arena.lot(before - amount, { id: client })])
  await query(
    "update wallet set seq = $3, lots = $4, remainders = null where organization_id = $1 and client_id = $2",
    [tenant.id, client, seq, lots]
  )
  await query("update cap_window set used = used + $3 where organization_id = $1 and cap_id = $2", [
    tenant.id,
    cap,
    amount
  ])
  await stamp(tenant.id, root)
}
