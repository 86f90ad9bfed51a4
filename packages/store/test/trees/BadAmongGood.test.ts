import { assert, describe, it } from "@effect/vitest"
import { v7 } from "uuid"
import * as Key from "../../src/Key.ts"
import type * as Trees from "../../src/Trees.ts"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"

const { credit, debit, outcome } = Arena
const arena = Arena.open()
const gate = arena.gate()

/** Forty trees with a thousand credits each. */
const tenantOf = async (trees: number) => {
  const tenant = await Arena.tenant(arena)
  const clients = await Promise.all(Array.from({ length: trees }, () => tenant.client()))
  await Promise.all(clients.map((client) => Arena.grant(gate, tenant.caller(), client, Arena.lot(1_000n * credit))))
  return { tenant, clients }
}

/** Its plan takes nothing from lots, so that nothing but the database bounds an amount. */
const unlimited = async (tenant: Arena.Tenant): Promise<string> => {
  const client = await tenant.client()
  const plan = v7()
  const at = new Date(Arena.now)
  await arena.pool.query(
    `insert into plan_version (organization_id, id, plan_key, version, name, price, terms, created_at)
     values ($1, $2, $3, 1, 'All you can eat', 0, '{"unlimited":true}', $4)`,
    [tenant.id, plan, plan, at]
  )
  await arena.pool.query(
    `insert into subscription (organization_id, id, client_id, plan_version_id, base, status, state, created_at, updated_at)
     values ($1, $2, $3, $4, true, 'active', '{}', $5, $5)`,
    [tenant.id, v7(), client, plan, at]
  )
  return client
}

const good = (tenant: Arena.Tenant, clients: ReadonlyArray<string>, count = 999) =>
  Array.from({ length: count }, (_, i) => ({
    caller: tenant.caller(),
    request: debit(clients[i % clients.length] ?? "", credit)
  }))

type Asked =
  | ReturnType<typeof good>[number]
  | {
      readonly caller: ReturnType<Arena.Tenant["caller"]>
      readonly request: Exclude<Trees.Request, { readonly _tag: "Check" }>
    }

/** All at once, the bad one in their midst. */
const together = async (asked: ReadonlyArray<Asked>, bad: Asked) => {
  const half = Math.floor(asked.length / 2)
  const all = [...asked.slice(0, half), bad, ...asked.slice(half)]
  const answers = await Promise.all(all.map(({ caller, request }) => gate.post(caller, request)))
  const [answer] = answers.splice(half, 1)
  return { others: answers.map(outcome), bad: answer === undefined ? "" : outcome(answer) }
}

describe("among 999 good requests", () => {
  const cases: ReadonlyArray<
    readonly [string, string, (of: { tenant: Arena.Tenant; client: string }) => Promise<Asked>]
  > = [
    [
      "a key with a NUL",
      "OutOfRange",
      async ({ tenant, client }) => ({
        caller: tenant.caller({ key: "a\0b" }),
        request: debit(client, credit)
      })
    ],
    [
      "a key that is too long",
      "OutOfRange",
      async ({ tenant, client }) => ({
        caller: tenant.caller({ key: "k".repeat(256) }),
        request: debit(client, credit)
      })
    ],
    [
      "an empty key",
      "OutOfRange",
      async ({ tenant, client }) => ({
        caller: tenant.caller({ key: "" }),
        request: debit(client, credit)
      })
    ],
    [
      "an amount over 64 bits",
      "OutOfRange",
      async ({ tenant }) => ({
        caller: tenant.caller(),
        request: debit(await unlimited(tenant), 2n ** 63n)
      })
    ],
    [
      "an instant that no calendar has",
      "OutOfRange",
      async ({ tenant, client }) => ({
        caller: tenant.caller(),
        request: debit(client, credit, { effectiveAt: 1e17 })
      })
    ],
    [
      "a hold that ends after all time",
      "OutOfRange",
      async ({ tenant, client }) => ({
        caller: tenant.caller(),
        request: Arena.reserve(client, credit, 1e17)
      })
    ],
    [
      "an external id with a NUL",
      "NotFound",
      async ({ tenant }) => ({
        caller: tenant.caller(),
        request: debit("ext:\0", credit)
      })
    ],
    [
      "a client that is no id",
      "NotFound",
      async ({ tenant }) => ({
        caller: tenant.caller(),
        request: debit("'; drop", credit)
      })
    ]
  ]
  for (const [what, refusal, badOf] of cases)
    it(`${what} fails alone`, async () => {
      const { tenant, clients } = await tenantOf(40)
      const bad = await badOf({ tenant, client: clients[0] ?? "" })
      const answers = await together(good(tenant, clients), bad)
      assert.deepStrictEqual(new Set(answers.others), new Set(["Posted"]))
      assert.strictEqual(answers.bad, refusal)
      const { entries } = await audit(arena.pool, tenant.id)
      assert.strictEqual(entries, 40 + 999)
    })

  it("a key of an earlier debit is answered as that was, and the others are debited", async () => {
    const { tenant, clients } = await tenantOf(40)
    const [client = ""] = clients
    const earlier = { caller: tenant.caller(), request: debit(client, 7n * credit) }
    const first = Arena.entryOf(await gate.post(earlier.caller, earlier.request))
    const answers = await together(good(tenant, clients), earlier)
    assert.deepStrictEqual(new Set(answers.others), new Set(["Posted"]))
    assert.strictEqual(answers.bad, "Replayed")
    assert.deepStrictEqual(Arena.entryOf(await gate.post(earlier.caller, earlier.request)), first)
    const { entries } = await audit(arena.pool, tenant.id)
    assert.strictEqual(entries, 40 + 1 + 999)
  })

  it("one key under two names of a client, as good as in flight, is one debit", async () => {
    const { tenant, clients } = await tenantOf(40)
    const named = await tenant.client({ externalId: "acme" })
    await Arena.grant(gate, tenant.caller(), named, Arena.lot(1_000n * credit))
    const caller = tenant.caller()
    const hash = Key.hash("debit", "the same")
    const [byId, byName] = await Promise.all([
      gate.post(caller, debit(named, credit, { hash })),
      together(good(tenant, clients), { caller, request: debit("ext:acme", credit, { hash }) })
    ])
    assert.deepStrictEqual([outcome(byId), byName.bad].sort(), ["Posted", "Replayed"])
    assert.deepStrictEqual(new Set(byName.others), new Set(["Posted"]))
    const { entries } = await audit(arena.pool, tenant.id)
    assert.strictEqual(entries, 41 + 1 + 999)
  })
})

describe("one key", () => {
  const rich = async () => {
    const { tenant, clients } = await tenantOf(1)
    return { tenant, client: clients[0] ?? "" }
  }

  it("many times in flight is one debit, and one answer", async () => {
    const { tenant, client } = await rich()
    const caller = tenant.caller()
    const answers = await Promise.all(Array.from({ length: 50 }, () => gate.post(caller, debit(client, credit))))
    // Not even replayed: there was one request.
    assert.deepStrictEqual(new Set(answers.map(outcome)), new Set(["Posted"]))
    assert.strictEqual(new Set(answers.map((answer) => Arena.entryOf(answer).seq)).size, 1)
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 1)
  })

  it("in flight in two processes is one debit", async () => {
    const { tenant, client } = await rich()
    const other = arena.gate()
    for (let times = 0; times < 20; times++) {
      const caller = tenant.caller()
      const both = await Promise.all([gate, other].map((gate) => gate.post(caller, debit(client, credit))))
      assert.deepStrictEqual(both.map(outcome).sort(), ["Posted", "Replayed"])
    }
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 20)
    await audit(arena.pool, tenant.id)
  })

  it("with another payload is refused, in flight and later, once the first has succeeded", async () => {
    const { tenant, client } = await rich()
    const caller = tenant.caller()
    const both = await Promise.all([
      gate.post(caller, debit(client, credit)),
      gate.post(caller, debit(client, 2n * credit))
    ])
    assert.deepStrictEqual(both.map(outcome), ["Posted", "KeyReused"])
    assert.strictEqual(outcome(await gate.post(caller, debit(client, 2n * credit))), "KeyReused")
    assert.strictEqual(outcome(await arena.gate().post(caller, debit(client, 2n * credit))), "KeyReused")
    assert.strictEqual(await Arena.entries(arena, tenant, client, "Debited"), 1)
  })

  it("with another payload is decided anew, in flight and later, where the first was refused", async () => {
    const { tenant, client } = await rich()
    const caller = tenant.caller()
    const both = await Promise.all([
      gate.post(caller, debit(client, 1_001n * credit)),
      gate.post(caller, debit(client, 2n * credit))
    ])
    assert.deepStrictEqual(both.map(outcome), ["InsufficientCredits", "Posted"])
    const later = tenant.caller()
    assert.strictEqual(outcome(await gate.post(later, debit(client, 1_001n * credit))), "InsufficientCredits")
    assert.strictEqual(outcome(await gate.post(later, debit(client, 3n * credit))), "Posted")
  })

  it("belongs to a client: another client's is another key", async () => {
    const { tenant, clients } = await tenantOf(2)
    const caller = tenant.caller()
    const both = await Promise.all(clients.map((client) => gate.post(caller, debit(client, credit))))
    assert.deepStrictEqual(both.map(outcome), ["Posted", "Posted"])
  })

  it("is needed", async () => {
    const { tenant, client } = await rich()
    assert.strictEqual(outcome(await gate.post(tenant.caller({ key: null }), debit(client, credit))), "KeyMissing")
  })
})
