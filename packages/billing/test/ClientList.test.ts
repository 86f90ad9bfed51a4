import { createSubscription, suspendClient } from "@capstan/billing"
import { type Caller, ClientView, Ids } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { day, plan, pool, read, run, start, type World, world } from "./World.ts"

type Asked = Partial<ClientView.Asked>

const list = async (caller: Caller, asked: Asked = {}) =>
  Result.getOrThrow(await read((db) => ClientView.list(db, caller, { limit: 100, ...asked })))

const names = async (caller: Caller, asked: Asked = {}) =>
  (await list(caller, asked)).items.map(({ name }) => name).toSorted()

/** Every page, from the first on. */
const pages = async (caller: Caller, asked: Asked, between: () => Promise<void> = async () => {}) => {
  const seen: Array<ClientView.Client> = []
  for (let cursor: string | null | undefined = undefined; cursor !== null;) {
    const page: Awaited<ReturnType<typeof list>> = await list(caller, { ...asked, cursor })
    seen.push(...page.items)
    cursor = page.nextCursor
    await between()
  }
  return seen
}

const sortings: ReadonlyArray<ReadonlyArray<ClientView.Sorting>> = [
  ["-createdAt"],
  ["updatedAt"],
  ["-name"],
  ["email"],
  ["name", "-createdAt"],
  ["-createdAt", "email", "name"],
  ["email", "-email", "-updatedAt"]
]

const mostly = { n: 40, names: ["a", "B", "b", "ä", "Ä", "x\\y", "100%", "_"], emails: [null, "b@x.org", "A@x.org"] }

/** Many that are equal in what they are sorted by. */
const crowd = async ({ organization }: World, count = mostly.n) => {
  for (let n = 0; n < count; n++) {
    const name = mostly.names[(n * 7) % mostly.names.length] ?? ""
    const id = await Client.create(pool, organization, { name, at: start + (n % 3) * day })
    await pool.query("update client set email = $3 where organization_id = $1 and id = $2", [
      organization.id,
      id,
      mostly.emails[n % 3]
    ])
  }
}

const valueOf = (client: ClientView.Client, key: string): number | string =>
  key === "name" || key === "email"
    ? (client[key] ?? "").replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    : client[key as "createdAt" | "updatedAt"]

const inOrder = (sorting: ReadonlyArray<string>) => (a: ClientView.Client, b: ClientView.Client) => {
  for (const key of sorting) {
    const [x, y] = [valueOf(a, key.replace("-", "")), valueOf(b, key.replace("-", ""))]
    const byBytes =
      typeof x === "string" && typeof y === "string" ? Buffer.from(x).compare(Buffer.from(y)) : Number(x) - Number(y)
    if (byBytes !== 0) return key.startsWith("-") ? -byBytes : byBytes
  }
  return 0
}

describe("sorting", () => {
  it("goes by its keys in turn, and pages of any size make up the list, each client once", async () => {
    const here = await world()
    await crowd(here)
    for (const sorting of sortings) {
      const whole = (await list(here.caller(), { sorting })).items
      assert.strictEqual(new Set(whole.map(({ id }) => id)).size, mostly.n)
      // Bytes decide where the database's locale is C, as the embedded one's is.
      const keys = whole.map((client) => sorting.map((key) => valueOf(client, key.replace("-", ""))))
      assert.deepStrictEqual(
        keys,
        whole.toSorted(inOrder(sorting)).map((client) => sorting.map((key) => valueOf(client, key.replace("-", ""))))
      )
      for (const limit of [1, 7, 39, 40])
        assert.deepStrictEqual(
          (await pages(here.caller(), { sorting, limit })).map(({ id }) => id),
          whole.map(({ id }) => id),
          `${sorting.join()} by ${limit}`
        )
    }
  })

  it("rows that come and go meanwhile shift nothing", async () => {
    for (const sorting of sortings.filter((keys) => !keys.includes("updatedAt"))) {
      const here = await world()
      await crowd(here, 12)
      const before = (await list(here.caller(), { sorting })).items.map(({ id }) => id)
      const seen = await pages(here.caller(), { sorting, limit: 5 }, () => crowd(here, 3))
      const old = new Set(before)
      assert.deepStrictEqual(
        seen.map(({ id }) => id).filter((id) => old.has(id)),
        before
      )
    }
  })

  it("by numbers of pages, the same and with totals", async () => {
    const here = await world()
    await crowd(here)
    for (const sorting of sortings) {
      const whole = (await list(here.caller(), { sorting })).items.map(({ id }) => id)
      const second = await list(here.caller(), { sorting, limit: 15, page: 3 })
      assert.deepStrictEqual(
        second.items.map(({ id }) => id),
        whole.slice(30, 45)
      )
      assert.deepStrictEqual([second.page, second.totalPages, second.total], [3, 3, 40])
    }
  })

  it("a cursor of another order is refused", async () => {
    const here = await world()
    await crowd(here, 3)
    const { nextCursor } = await list(here.caller(), { sorting: ["name", "email"], limit: 1 })
    assert.isNotNull(nextCursor)
    for (const sorting of [["name"], ["email", "name"], ["name", "-email"]] as const) {
      const page = await read((db) =>
        ClientView.list(db, here.caller(), { limit: 1, sorting, cursor: nextCursor ?? "" })
      )
      assert.isTrue(Result.isFailure(page) && page.failure._tag === "OutOfRange")
    }
  })
})

describe("metadata", () => {
  const values = [1, "1", 1.5, "1.5", 10, 100, -0.5, "-0.5", 0, "0", true, "true", false, "", "a\\b", 'q"q', 1e21, 1e-7]
  const texts = ["1", "1.0", "01", "1.5", "10", "1e2", "100", "-0.5", "0", "-0", "true", "false", "", "a\\b", 'q"q']

  it("is compared as text with what Postgres prints of it", async () => {
    const here = await world()
    for (const [n, k] of values.entries())
      await Client.create(pool, here.organization, { name: `${n}`, metadata: { k, other: "1" } })
    for (const text of [...texts, "1000000000000000000000", "0.0000001", "1e21", "null", "nothing"]) {
      const { rows } = await pool.query<{ name: string }>(
        "select name from client where organization_id = $1 and metadata ->> 'k' = $2 order by name",
        [here.organization.id, text]
      )
      assert.deepStrictEqual(
        await names(here.caller(), { metadata: { k: [text] } }),
        rows.map(({ name }) => name).toSorted(),
        text
      )
    }
    assert.deepStrictEqual(await names(here.caller(), { metadata: { k: ["1"] } }), ["0", "1"])
    assert.deepStrictEqual(await names(here.caller(), { metadata: { k: ["true"] } }), ["10", "11"])
  })

  it("of a key several values, any of them; of several keys, all", async () => {
    const here = await world()
    for (const a of ["x", "y", "z"])
      for (const b of [1, 2]) await Client.create(pool, here.organization, { name: `${a}${b}`, metadata: { a, b } })
    const by = (metadata: Readonly<Record<string, ReadonlyArray<string>>>) => names(here.caller(), { metadata })
    assert.deepStrictEqual(await by({ a: ["x", "z"] }), ["x1", "x2", "z1", "z2"])
    assert.deepStrictEqual(await by({ a: ["x", "z"], b: ["2"] }), ["x2", "z2"])
    assert.deepStrictEqual(await by({ a: ["x"], c: ["2"] }), [])
  })
})

describe("a query", () => {
  it("finds any part of name, address and external id, however short, and never across them", async () => {
    const here = await world()
    const make = (name: string, externalId: string) => Client.create(pool, here.organization, { name, externalId })
    const acme = await make("Acme Élan", "crm-1")
    await make("50% off_", "crm-2")
    await pool.query("update client set email = 'Boss@Example.org' where id = $1", [acme])
    const by = (query: string) => names(here.caller(), { query })
    for (const query of ["c", "AC", "acme", "cme é", "BOSS@", "example.ORG", "m-1", "ÉLAN", "n"])
      assert.include(await by(query), "Acme Élan", query)
    assert.deepStrictEqual(await by("%"), ["50% off_"])
    assert.deepStrictEqual(await by("f_"), ["50% off_"])
    assert.deepStrictEqual(await by("crm"), ["50% off_", "Acme Élan"])
    for (const query of ["zz", "élanboss", "élan boss", "crm-3", "\\"])
      assert.deepStrictEqual(await by(query), [], query)
  })
})

/** Gives a client a base subscription of a status, as another client has one. */
const subscriber = async (here: World) => {
  await run(plan(here.caller(), { key: "pro" }))
  const client = await Client.create(pool, here.organization, { name: "first" })
  const asked = { client, plan: "pro", seats: undefined, trial: undefined }
  const { id } = await run(createSubscription(here.caller(), asked))
  await pool.query("update client set closed_at = now() where id = $1", [client])
  return (of: string, status: string) =>
    pool.query(
      `insert into subscription (organization_id, id, client_id, plan_version_id, base, status, state, created_at, updated_at)
       select organization_id, $2, $3, plan_version_id, base, $4, jsonb_set(state::jsonb, '{status}', to_jsonb($4::text)),
         now(), now()
       from subscription where id = $1`,
      [id, Ids.mint(), of, status]
    )
}

describe("filters", () => {
  it("by standing see what holds a client from above", async () => {
    const here = await world()
    const make = (name: string, options: Client.Options = {}) =>
      Client.create(pool, here.organization, { name, ...options })
    const root = await make("root")
    const middle = await make("middle", { parent: root })
    await make("leaf", { parent: middle })
    await make("waiting", { parent: root, onboarded: false })
    await make("free")
    await run(suspendClient(here.caller(), { client: middle, reason: null, note: null }))
    const by = (asked: Asked) => names(here.caller(), asked)
    for (const asked of [
      { effectiveStatus: ["suspended"] },
      { subscriptionStatus: ["suspended"] },
      { suspendedBy: ["operator"] },
      { suspendedBy: ["dunning", "operator"] }
    ] as const)
      assert.deepStrictEqual(await by(asked), ["leaf", "middle"], JSON.stringify(asked))
    assert.deepStrictEqual(await by({ suspendedBy: ["dunning"] }), [])
    assert.deepStrictEqual(await by({ status: ["suspended"] }), ["middle"])
    assert.deepStrictEqual(await by({ status: ["suspended", "pending_onboarding"] }), ["middle", "waiting"])
    assert.deepStrictEqual(await by({ effectiveStatus: ["active"] }), ["free", "root"])
    assert.deepStrictEqual(await by({ effectiveStatus: ["pending_onboarding"] }), ["waiting"])
    await run(suspendClient(here.caller(), { client: root, reason: null, note: null }))
    assert.deepStrictEqual(await by({ effectiveStatus: ["suspended"] }), ["leaf", "middle", "root", "waiting"])
    for (const status of ["pending_onboarding", "active", "suspended", "closed"] as const)
      for (const { effectiveStatus } of (await list(here.caller(), { effectiveStatus: [status] })).items)
        assert.strictEqual(effectiveStatus, status)
  })

  it("by the subscription say what the answers say", async () => {
    const here = await world()
    const subscribe = await subscriber(here)
    const statuses = [null, "incomplete", "trialing", "active", "past_due", "canceled"] as const
    for (const status of statuses) {
      const client = await Client.create(pool, here.organization, { name: status ?? "none" })
      if (status !== null) await subscribe(client, status)
    }
    const twice = await Client.create(pool, here.organization, { name: "again" })
    await subscribe(twice, "canceled")
    await subscribe(twice, "active")
    const shown = (await list(here.caller())).items
    for (const status of ["closed", "none", "incomplete", "trialing", "active", "past_due", "canceled"] as const)
      assert.deepStrictEqual(
        await names(here.caller(), { subscriptionStatus: [status] }),
        shown.flatMap((client) => (client.subscriptionStatus === status ? [client.name] : [])).toSorted(),
        status
      )
    assert.deepStrictEqual(await names(here.caller(), { plan: ["gold", "pro"] }), [
      "active",
      "again",
      "first",
      "incomplete",
      "past_due",
      "trialing"
    ])
    assert.deepStrictEqual(await names(here.caller(), { plan: ["gold"] }), [])
  })

  it("by address, external id and time", async () => {
    const here = await world()
    await crowd(here, 9)
    const named = await Client.create(pool, here.organization, { externalId: "e1", name: "named", at: start + 9 * day })
    await Client.create(pool, here.organization, {
      externalId: "e2",
      name: "other",
      parent: named,
      at: start + 10 * day
    })
    const count = async (asked: Asked) => (await list(here.caller(), asked)).items.length
    assert.strictEqual(await count({ email: ["a@X.ORG"] }), 3)
    assert.strictEqual(await count({ email: ["a@X.ORG", "B@x.org"] }), 6)
    assert.strictEqual(await count({ email: ["@x.org"] }), 0)
    assert.deepStrictEqual(await names(here.caller(), { externalId: ["e1", "e2", "e3"] }), ["named", "other"])
    assert.deepStrictEqual(await names(here.caller(), { parent: [named] }), ["other"])
    assert.strictEqual(await count({ createdAfter: start, createdBefore: start + 9 * day }), 6)
    assert.strictEqual(await count({ createdAfter: start - 1, createdBefore: start + 1 }), 3)
  })
})
