/**
 * Two gates are asked many things at once; then the same is asked of a model in the order in which it was committed. The
 * model has to decide every success alike, and every refusal at some moment between its question and its answer.
 */
import { Calendar, type SpendingCap, type Tree } from "@capstan/domain"
import { Database as TestDatabase } from "@capstan/testing"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { afterAll } from "vitest"
import type * as Trees from "../../src/Trees.ts"
import { type EntryJson, entryJson, toEntry } from "../../src/trees/Entry.ts"
import * as Arena from "./Arena.ts"
import { audit } from "./Audit.ts"
import { Model, type Place } from "./Model.ts"

const { credit, minute } = Arena
const hour = 60 * minute
const histories = Number(process.env["CAPSTAN_HISTORIES"] ?? 5)
const firstSeed = Number(process.env["CAPSTAN_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

// A database of its own: its journal tells the order of commits, since it is written under the lock of the root.
const clone = await TestDatabase.clone()
afterAll(clone.drop)
const arena = Arena.open(clone.url)
const gates = [arena.gate(), arena.gate()] as const
for (const text of [
  "create table journal (n bigserial primary key, organization_id uuid, what text, id text, at timestamptz)",
  `create function note() returns trigger language plpgsql as $$ begin
     if tg_table_name = 'entry' then
       insert into journal (organization_id, what, id, at) values (new.organization_id, 'entry', new.namespace || ' ' || new.key, new.at);
     elsif tg_table_name = 'tree' then
       insert into journal (organization_id, what, id, at) values (new.organization_id, 'tree', null, new.at);
     elsif tg_table_name = 'cap_window' then
       insert into journal (organization_id, what, id, at)
         select new.organization_id, 'reset', new.cap_id, new.starts_at where new.used = 0 and new.held = 0;
     elsif tg_table_name = 'cap' then
       insert into journal (organization_id, what, id) values (new.organization_id, 'cap', new.id || ' ' || new.limit_cost);
     elsif old.suspensions::text <> new.suspensions::text then
       insert into journal (organization_id, what, id) values (new.organization_id, 'client', new.id);
     end if;
     return null;
   end $$`,
  "create trigger note after insert on entry for each row execute function note()",
  "create trigger note after update on tree for each row execute function note()",
  "create trigger note after update on cap for each row execute function note()",
  // A window that counts nothing is one that a reset has opened.
  "create trigger note after insert on cap_window for each row execute function note()",
  "create trigger note after update on client for each row execute function note()"
])
  await arena.pool.query(text)

/** A question, where the journal stood before it and after its answer, and the refusal, if it was one. */
interface Asked {
  readonly key: string
  readonly client: string
  readonly now: number
  readonly command: (at: number, entry?: Trees.Entry) => Tree.Command
  readonly from: number
  readonly to: number
  readonly refusal: unknown
}

describe("two gates on a tree of three levels", () => {
  const all = { refused: 0, succeeded: 0 }
  for (let i = 0; i < histories; i++)
    it(`decide as one mind (CAPSTAN_SEED=${firstSeed + i})`, async () => {
      const history = await interleave(firstSeed + i)
      const { refused, succeeded } = await replay(history)
      assert.isAbove(succeeded, 0)
      all.refused += refused
      all.succeeded += succeeded
      await audit(arena.pool, history.tenant.id, true)
    })

  it("have succeeded often, and refused often", () => {
    assert.isAbove(all.succeeded, 20 * histories)
    assert.isAbove(all.refused, 5 * histories)
  })
})

/** At any moment one of them does something, and the other is refused. */
const changes = [
  { _tag: "Suspend", suspension: { cause: "operator", by: "test", at: 0, reason: null, note: null } },
  { _tag: "Lift", cause: "operator", by: "test", at: 0 }
] as const

const uncommitted = { committed: 0n, meter: null }

/** What is drawn for a grant at the most. */
const grants = 89

const interleave = async (seed: number) => {
  const { chance, one, upTo } = chances(seed)
  const tenant = await Arena.tenant(arena)
  const places = await grow(tenant)
  const caps = await Promise.all(
    places
      .filter((_, i) => i < 5)
      .map(async ({ id }): Promise<SpendingCap.State> => {
        const every = one(["day", "month", "lifetime"] as const)
        const scope = one(["all", "extra"] as const)
        const limit = BigInt(upTo(60) + 20) * credit
        const member = chance(0.3) ? "ann" : null
        const options = { limit, every, scope, thresholds: [50, 100], member }
        const cap = await Arena.cap(gates[0], tenant.caller(), id, options)
        const zone = Calendar.Zone.make("UTC")
        const shape = {
          every,
          scope,
          limit,
          thresholds: [50, 100],
          enforcement: "hard",
          zone,
          ...uncommitted,
          member
        } as const
        return { id: cap, client: id, name: cap, anchor: Arena.now, billing: null, ...shape }
      })
  )
  const holds: Array<{ readonly id: string; readonly client: string; readonly amount: bigint }> = []
  const asked: Array<Asked> = []
  let now = Arena.now
  const ask = async (wave: number): Promise<Omit<Asked, "from" | "to">> => {
    const gate = one(gates)
    const caller = tenant.caller({ now: now + upTo(2 * minute) })
    const { id: client } = one(places)
    const key = caller.key ?? ""
    const amount = BigInt(upTo(9_000_000) + 1)
    const member = one([null, "ann", "bob"])
    const spend = { amount, feature: null, member, meter: null, allowPartial: chance(0.2) }
    const known = { key, client, now: caller.now }
    const told = (answer: Result.Result<unknown, { readonly _tag: string }>): unknown =>
      Result.isFailure(answer) ? answer.failure : null
    const die = wave === 0 ? grants : upTo(100)
    if (die < 40) {
      const answer = await gate.post(caller, Arena.debit(client, amount, spend))
      return { ...known, command: (at) => ({ _tag: "Debit", ...spend, at }), refusal: told(answer) }
    }
    if (die < 60) {
      // Longer than the clocks of one batch are apart: no hold ends in the batch that opens it.
      const expiresIn = upTo(3 * hour) + 3 * minute
      const answer = await gate.post(caller, { ...Arena.reserve(client, amount, expiresIn), ...spend })
      if (Result.isSuccess(answer))
        holds.push({ id: Arena.holdOf(answer), client, amount: answer.success.entry.amount })
      const command: Asked["command"] = (at, entry) => ({
        _tag: "Reserve",
        ...spend,
        hold: entry?.hold ?? "",
        expiresAt: at + expiresIn,
        atEnd: "release",
        at
      })
      return { ...known, command, refusal: told(answer) }
    }
    if (die < 80 && holds.length > 0) {
      const hold = one(holds)
      const part = chance(0.5) ? hold.amount : amount
      const release = chance(0.3)
      const answer = await gate.post(
        caller,
        release ? Arena.release(hold.id) : { ...Arena.capture(hold.id, part), allowPartial: spend.allowPartial, member }
      )
      const command: Asked["command"] = (at) =>
        release
          ? { _tag: "Release", hold: hold.id, at }
          : { _tag: "Capture", hold: hold.id, ...spend, amount: part, at }
      return { ...known, client: hold.client, command, refusal: told(answer) }
    }
    if (die <= grants) {
      const lot = Arena.lot(amount * 6n, {
        kind: one(["promo", "included", "extra"] as const),
        expiresAt: chance(0.5) ? now + upTo(48 * hour) + 1 : null,
        priority: upTo(3)
      })
      const answer = await gate.change(caller, [client], (_, locked) =>
        locked.post(client, { _tag: "Grant", lot, at: locked.at }, { namespace: "caller", key, hash: null })
      )
      return { ...known, command: (at) => ({ _tag: "Grant", lot, at }), refusal: told(answer) }
    }
    if (die < 95) {
      const change = one(changes)
      const answer = await (change._tag === "Suspend" ? Arena.suspend : Arena.lift)(gate, caller, client)
      const command: Asked["command"] = (at) => ({ _tag: "ChangeLifecycle", command: change, at })
      return { ...known, command, refusal: told(answer) }
    }
    const cap = one(caps)
    if (die < 97) {
      const reset = await gate.change(caller, [cap.client], (_, locked) =>
        locked.decide(cap.client, { _tag: "ResetWindow", cap: cap.id, at: locked.at })
      )
      assert.isTrue(Result.isSuccess(reset))
      return { ...known, command: () => assert.fail("it has no entry"), refusal: null }
    }
    const limit = BigInt(upTo(60) + 20) * credit
    await gate.change(caller, [cap.client], async (trx) =>
      Result.succeed(
        await trx
          .updateTable("cap")
          .set({ limit_cost: limit })
          .where("organization_id", "=", tenant.id)
          .where("id", "=", cap.id)
          .execute()
      )
    )
    return { ...known, command: () => assert.fail("it has no entry"), refusal: null }
  }
  for (let wave = 0; wave < 12; wave++) {
    const from = await journaled(tenant.id)
    const wavelet = await Promise.all(Array.from({ length: 16 }, () => ask(wave)))
    const to = await journaled(tenant.id)
    asked.push(...wavelet.map((one) => ({ ...one, from, to })))
    now += upTo(6 * hour)
  }
  return { tenant, places, caps, asked }
}

/** A root, two branches, four leaves; the last one draws on its parent's wallet. */
const grow = async (tenant: Arena.Tenant): Promise<ReadonlyArray<Place>> => {
  const root = await tenant.client({ overdraftLimit: 2n * credit })
  const places: Array<Place> = [{ id: root, line: [root], payer: root, overdraftLimit: 2n * credit }]
  for (let branch = 0; branch < 2; branch++) {
    const parent = await tenant.client({ parent: root })
    places.push({ id: parent, line: [parent, root], payer: parent, overdraftLimit: 0n })
    for (let leaf = 0; leaf < 2; leaf++) {
      const borrows = branch + leaf === 2
      const id = await tenant.client({ parent, usesParentBalance: borrows })
      places.push({ id, line: [id, parent, root], payer: borrows ? parent : id, overdraftLimit: 0n })
    }
  }
  return places
}

const journaled = async (organization: string): Promise<number> => {
  const text = "select coalesce(max(n), 0)::int4 as n from journal where organization_id = $1"
  return (await arena.pool.query<{ n: number }>(text, [organization])).rows[0]?.n ?? 0
}

const replay = async ({ tenant, places, caps, asked }: Awaited<ReturnType<typeof interleave>>) => {
  const { rows: journal } = await arena.pool.query<{ n: number; what: string; id: string; at: Date | null }>(
    "select n::int4, what, id, at from journal where organization_id = $1 order by n",
    [tenant.id]
  )
  const { rows } = await arena.pool.query<{ entry: EntryJson }>(
    `select ${entryJson} as entry from entry e where e.organization_id = $1`,
    [tenant.id]
  )
  const entries = new Map(rows.map(({ entry }) => [`${entry.namespace} ${entry.key}`, toEntry(entry)]))
  const askedByKey = new Map(asked.map((one) => [one.key, one]))
  const model = new Model(places, caps, Date.UTC(2026, 0, 1))
  let unexplained = asked.filter(({ refusal }) => refusal !== null)
  const refused = unexplained.length
  const explain = (n: number) => {
    unexplained = unexplained.filter((one) => {
      const at = Math.max(one.now, model.at)
      if (n < one.from || n > one.to || model.hasDue(at)) return true
      const decided = model.decide(one.client, one.command(at))
      return !(Result.isFailure(decided) && isEqual(decided.failure, one.refusal))
    })
  }
  explain(0)
  for (const { n, what, id, at } of journal) {
    if (what === "tree") model.at = Math.max(model.at, at?.getTime() ?? 0)
    if (what === "entry") {
      const entry = entries.get(id) ?? assert.fail(`no entry ${id}`)
      const lapse = (at: number): Tree.Command => ({ _tag: "Lapse", hold: entry.key, at })
      const command = entry.namespace === "lapse" ? lapse : askedByKey.get(entry.key)?.command
      if (command === undefined) assert.fail(`nobody asked for ${id}`)
      if (entry.namespace !== "lapse") assert.isFalse(model.hasDue(entry.at), "a hold should have ended before")
      const events = Result.getOrThrow(model.decide(entry.client, command(entry.at, entry)))
      const posted = events.find(({ _tag }) => _tag === "Posted")
      assert.deepStrictEqual(posted, { _tag: "Posted", entry: entry.event, counts: entry.counts })
      model.apply(entry.client, events, entry.at)
    }
    if (what === "reset") {
      const client = caps.find((cap) => cap.id === id)?.client ?? assert.fail(`no cap ${id}`)
      const start = at?.getTime() ?? assert.fail("no start")
      model.apply(client, [{ _tag: "WindowReset", cap: id, at: start }], start)
    }
    if (what === "cap") {
      const [cap = "", limit = "0"] = id.split(" ")
      const before = caps.find((known) => known.id === cap) ?? assert.fail(`no cap ${cap}`)
      model.apply(before.client, [{ _tag: "CapSet", cap: { ...before, limit: BigInt(limit) }, at: model.at }], model.at)
    }
    if (what === "client") {
      for (const command of changes) {
        const decided = model.decide(id, { _tag: "ChangeLifecycle", command, at: model.at })
        if (Result.isFailure(decided)) continue
        model.apply(id, decided.success, model.at)
        break
      }
    }
    explain(n)
  }
  assert.deepStrictEqual(
    unexplained.map(({ refusal, from, to }) => ({ refusal, from, to })),
    []
  )
  return { refused, succeeded: entries.size }
}

const isEqual = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b)
    return true
  } catch {
    return false
  }
}

/** A small generator that a seed brings back (mulberry32). */
const chances = (seed: number) => {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const upTo = (most: number) => Math.floor(next() * most)
  return {
    upTo,
    chance: (likelihood: number) => next() < likelihood,
    one: <A>(options: ReadonlyArray<A>): A => options[upTo(options.length)] as A
  }
}
