import { consumeCredits, suspendClient } from "@capstan/billing"
import { type Caller, ClientView, LedgerView } from "@capstan/store"
import { Client } from "@capstan/testing"
import { Result } from "effect"
import { assert, describe, it } from "vitest"
import { credit, day, grant, pool, read, run, spend, start, type World, world } from "./World.ts"

const clients = async (caller: Caller, asked: Partial<ClientView.Asked> = {}) =>
  Result.getOrThrow(await read((db) => ClientView.list(db, caller, { limit: 100, ...asked })))

const names = async (caller: Caller, asked: Partial<ClientView.Asked> = {}) =>
  (await clients(caller, asked)).items.map(({ name }) => name)

/** Two trees: a over b over c, and d; made a day apart. */
const forest = async ({ organization }: World) => {
  const make = (name: string, at: number, options: Client.Options = {}) =>
    Client.create(pool, organization, { name, at: start + at * day, ...options })
  const a = await make("a", 0, { externalId: "50%_off", metadata: { tier: "gold" } })
  const b = await make("b", 1, { parent: a, onboarded: false })
  const c = await make("c", 2, { parent: b, metadata: { tier: "gold", region: "eu" } })
  const d = await make("d", 2, { externalId: "5000" })
  return { a, b, c, d }
}

describe("a list of clients", () => {
  it("goes by time or by name, either way, the same by pages of any size", async () => {
    const here = await world()
    await forest(here)
    const caller = here.caller()
    const orders = {
      "-createdAt": ["d", "c", "b", "a"],
      createdAt: ["a", "b", "c", "d"],
      name: ["a", "b", "c", "d"],
      "-name": ["d", "c", "b", "a"]
    } as const
    for (const sorting of Object.keys(orders) as Array<keyof typeof orders>)
      for (const limit of [1, 2, 3, 4, 5]) {
        const seen: Array<string> = []
        for (let cursor: string | null | undefined = undefined; cursor !== null;) {
          const page: Awaited<ReturnType<typeof clients>> = await clients(caller, { sorting: [sorting], limit, cursor })
          seen.push(...page.items.map(({ name }) => name))
          cursor = page.nextCursor
        }
        assert.deepStrictEqual(seen, [...orders[sorting]], `${sorting} ${limit}`)
      }
  })

  it("a row that comes meanwhile shifts no page", async () => {
    const here = await world()
    await forest(here)
    const first = await clients(here.caller(), { limit: 2 })
    await Client.create(pool, here.organization, { name: "new", at: start + 9 * day })
    assert.deepStrictEqual(await names(here.caller(), { cursor: first.nextCursor ?? undefined }), ["b", "a"])
  })

  it("by number, it counts", async () => {
    const here = await world()
    await forest(here)
    const { items, ...numbers } = await clients(here.caller(), { limit: 3, page: 2, sorting: ["name"] })
    assert.deepStrictEqual(
      items.map(({ name }) => name),
      ["d"]
    )
    assert.deepStrictEqual(numbers, { nextCursor: null, page: 2, totalPages: 2, total: 4 })
  })

  it("takes every filter, and all of them together", async () => {
    const here = await world()
    const { a, d } = await forest(here)
    const caller = here.caller()
    await run(suspendClient(caller, { client: d, reason: null, note: null }))
    const by = (asked: Partial<ClientView.Asked>) => names(caller, { sorting: ["name"], ...asked })
    assert.deepStrictEqual(await by({ status: ["active"] }), ["a", "c"])
    assert.deepStrictEqual(await by({ status: ["pending_onboarding"] }), ["b"])
    assert.deepStrictEqual(await by({ status: ["suspended"] }), ["d"])
    assert.deepStrictEqual(await by({ status: ["closed"] }), [])
    assert.deepStrictEqual(await by({ parent: [a] }), ["b"])
    assert.deepStrictEqual(await by({ parent: ["ext:50%_off"] }), ["b"])
    assert.deepStrictEqual(await by({ externalId: ["5000"] }), ["d"])
    assert.deepStrictEqual(await by({ metadata: { tier: ["gold"] } }), ["a", "c"])
    assert.deepStrictEqual(await by({ metadata: { tier: ["gold"], region: ["eu"] } }), ["c"])
    assert.deepStrictEqual(await by({ query: "0%_O" }), ["a"])
    assert.deepStrictEqual(await by({ query: "50" }), ["a", "d"])
    assert.deepStrictEqual(await by({ query: "50", status: ["active"], metadata: { tier: ["gold"] } }), ["a"])
  })

  it("shows nothing of others, and nothing out of reach", async () => {
    const [here, other] = [await world(), await world()]
    const { a, b } = await forest(here)
    assert.deepStrictEqual(await names(other.caller()), [])
    assert.deepStrictEqual(await names(here.caller({ reach: b }), { sorting: ["name"] }), ["b", "c"])
    for (const [caller, parent] of [
      [other.caller(), a],
      [here.caller({ reach: b }), a]
    ] as const)
      assert.deepStrictEqual(
        await read((db) => ClientView.list(db, caller, { limit: 1, parent: [parent] })),
        Result.fail({ _tag: "NotFound", what: "client", id: parent } as const)
      )
  })

  it("refuses a cursor of another order, or none at all", async () => {
    const here = await world()
    await forest(here)
    const { nextCursor } = await clients(here.caller(), { limit: 1, sorting: ["name"] })
    const id = "00000000-0000-0000-0000-000000000000"
    const forged = [
      ["-createdAt", 1, "x"],
      ["-createdAt", 9e15, id],
      ["-createdAt", -1, id],
      ["-createdAt", "a", id],
      {},
      1
    ]
    const texts = ["", "[", ...forged.map((place) => JSON.stringify(place))]
    for (const cursor of [nextCursor ?? "", "%%%", ...texts.map((text) => Buffer.from(text).toString("base64url"))]) {
      const page = await read((db) => ClientView.list(db, here.caller(), { limit: 1, cursor }))
      assert.isTrue(Result.isFailure(page) && page.failure._tag === "OutOfRange", cursor)
    }
  })
})

describe("the ledger", () => {
  const entries = async (caller: Caller, client: string, asked: Partial<LedgerView.Asked> = {}) =>
    Result.getOrThrow(await read((db) => LedgerView.list(db, caller, client, { of: "client", limit: 100, ...asked })))
  const seqs = async (caller: Caller, client: string, asked: Partial<LedgerView.Asked> = {}) =>
    (await entries(caller, client, asked)).items.map(({ seq }) => seq)

  /** Entry n at day n: a grant, then debits. */
  const spender = async (here: World) => {
    const client = await Client.create(pool, here.organization)
    await run(grant(here.caller({ now: start + day }), client, 100n * credit))
    for (const n of [2, 3, 4, 5, 6])
      await run(consumeCredits(here.caller({ now: start + n * day }), spend(client, BigInt(n) * credit)))
    return client
  }

  it("is newest first, page by page, with the balance after each", async () => {
    const here = await world()
    const client = await spender(here)
    const seen: Array<readonly [number, bigint]> = []
    for (let cursor: string | null | undefined = undefined; cursor !== null;) {
      const page: Awaited<ReturnType<typeof entries>> = await entries(here.caller(), client, { limit: 4, cursor })
      seen.push(...page.items.map(({ seq, balance }) => [seq, balance / credit] as const))
      cursor = page.nextCursor
    }
    assert.deepStrictEqual(seen, [
      [6, 80n],
      [5, 86n],
      [4, 91n],
      [3, 95n],
      [2, 98n],
      [1, 100n]
    ])
  })

  it("shows what was known at an instant, or fell between two", async () => {
    const here = await world()
    const client = await spender(here)
    const caller = here.caller()
    const on = (n: number) => start + n * day
    assert.deepStrictEqual(await seqs(caller, client, { asOf: on(3) }), [3, 2, 1])
    assert.deepStrictEqual(await seqs(caller, client, { asOf: on(3) - 1 }), [2, 1])
    assert.deepStrictEqual(await seqs(caller, client, { asOf: start }), [])
    assert.deepStrictEqual(await seqs(caller, client, { from: on(2), to: on(5) }), [4, 3, 2])
    assert.deepStrictEqual(await seqs(caller, client, { from: on(7) }), [])
    assert.deepStrictEqual(await seqs(caller, client, { kind: "Granted" }), [1])
    assert.deepStrictEqual(await seqs(caller, client, { kind: "Debited", asOf: on(4), limit: 2 }), [4, 3])
  })

  it("of a client is what it spent, of a wallet what anyone did; others' are not there", async () => {
    const [here, other] = [await world(), await world()]
    const parent = await Client.create(pool, here.organization)
    const child = await Client.create(pool, here.organization, { parent, usesParentBalance: true })
    const caller = here.caller()
    await run(grant(here.caller(), parent, 10n * credit))
    const { entry } = await run(consumeCredits(here.caller(), spend(child, credit)))
    assert.deepStrictEqual((await entries(caller, child)).items, [entry])
    assert.deepStrictEqual(await seqs(caller, child, { of: "wallet" }), [])
    assert.deepStrictEqual(await seqs(caller, parent), [1])
    assert.deepStrictEqual(await seqs(caller, parent, { of: "wallet" }), [2, 1])
    for (const [reader, client] of [
      [other.caller(), parent],
      [here.caller({ reach: child }), parent]
    ] as const)
      assert.deepStrictEqual(
        await read((db) => LedgerView.list(db, reader, client, { of: "wallet", limit: 1 })),
        Result.fail({ _tag: "NotFound", what: "client", id: client } as const)
      )
  })
})
