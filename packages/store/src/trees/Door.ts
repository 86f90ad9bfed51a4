/**
 * The locked door: a use case over one tree or several, in one transaction.
 *
 * The roots of all clients concerned are locked first, in order; then it reads, decides and writes; what was decided
 * about wallets, windows, holds and lifecycles is written at the end, with the stamps, the events and the keys. A
 * refusal undoes all of it.
 */
import { randomUUID } from "node:crypto"
import type { Credits, Id, Instant, Tree } from "@capstan/domain"
import { Result } from "effect"
import type { Caller } from "../Caller.ts"
import { type Connection, isBroken, isTransient, type Trx } from "../Database.ts"
import type { Failure } from "../Failure.ts"
import type { Key } from "../Key.ts"
import { type Decided, Draft, type Posting } from "./Draft.ts"
import { type Entry, entryJson, type EntryJson, toEntry } from "./Entry.ts"
import { joined, load, type Wanted } from "./Load.ts"
import { lookAgain } from "./WaitingRecharges.ts"
import { type Location, Locations } from "./Locations.ts"
import * as Query from "./Query.ts"
import * as Roots from "./Roots.ts"
import { empty, type Line, lineOf, type Snapshot } from "./Snapshot.ts"
import { commit } from "./Writes.ts"

export interface Locked {
  readonly at: Instant.Instant
  /** The id of a client that was named when the door was opened. From then on it is named by its id as well. */
  readonly client: (name: string) => Id.Id
  /** As it is now, with what has been decided here. */
  readonly branch: (name: string) => Promise<Tree.Branch>
  /** A client that was made here is named by its id from now on. Writes what has been decided so far, as `flush` does. */
  readonly admit: (client: Id.Id) => Promise<void>
  /** The version of the client's row. */
  readonly version: (name: string) => Promise<bigint>
  /** Decides, and stages what was decided. */
  readonly decide: (
    name: string,
    command: Tree.Command
  ) => Promise<Result.Result<ReadonlyArray<Tree.Event>, Tree.Refusal>>
  /** The same, for what leaves an entry in the ledger: an earlier success under the key is answered as it was. */
  readonly post: (
    name: string,
    command: Tree.Command,
    key: Key,
    asked?: Credits.Credits | null,
    /** By name, whose wallet it is about, where that is not the one that the client draws on now. */
    paid?: string
  ) => Promise<Result.Result<Posted, Failure | Tree.Refusal>>
  /**
   * Settles a hold, and its other half alike where a move has cut it. `hold:` and the id name it, and its twin; what it is
   * settled with is found out from the hold.
   */
  readonly settle: (
    hold: Id.Id,
    command: (snapshot: Snapshot, at: Instant.Instant) => Settlement | undefined,
    key: Key
  ) => Promise<Result.Result<Posted, Failure | Tree.Refusal>>
  /**
   * Writes what has been decided so far, and forgets what has been read. To be called before rows are looked at beside the
   * door, and after rows have been changed there that branches are made of.
   */
  readonly flush: () => Promise<void>
  /** A line for the event log. */
  readonly record: (event: { readonly client: Id.Id | null; readonly kind: string; readonly payload: object }) => void
}

interface Posted {
  readonly replayed: boolean
  readonly entry: Entry | null
}

type Settlement = Extract<Tree.Command, { readonly _tag: "Capture" | "Release" | "Settle" }>

/** `tree:` and a client's name stand for the tree that it is the root of, or would be. The clients concerned; or what picks them in the transaction, by locking the roots of those that it finds free. */
export type Names = ReadonlyArray<string> | ((trx: Trx) => Promise<ReadonlyArray<string>>)

/** Carries a refusal out of a transaction, which only an exception rolls back. */
class Undo extends Error {
  readonly refusal: unknown
  constructor(refusal: unknown) {
    super("refused")
    this.refusal = refusal
  }
}
class Moved extends Error {}

/** With a quarter of a second for a lock, five seconds in all. */
const mostTries = 20
const retryAfterMs = 250

/** What `work` makes of the locked trees. */
export const change = async <A, E>(
  { db }: Pick<Connection, "db">,
  caller: Caller,
  named: Names,
  work: (trx: Trx, locked: Locked) => Promise<Result.Result<A, E>>,
  drop: (root: Id.Id) => void
): Promise<Result.Result<A, E | Failure>> => {
  for (let tries = 1; ; tries++) {
    let written = false
    try {
      return await db.transaction().execute(async (trx) => {
        const query = Query.ofTrx(trx)
        const names = typeof named === "function" ? await named(trx) : named
        const located = await locate(query, caller, names)
        if (Result.isFailure(located)) throw new Undo(located.failure)
        const locations = located.success
        const roots = [...new Set([...locations.values()].map(({ root }) => root))].sort()
        await Roots.lock(query, caller.organization, roots)
        const again = await locate(query, caller, names)
        if (
          Result.isFailure(again) ||
          [...locations].some(([name, { root }]) => again.success.get(name)?.root !== root)
        )
          throw new Moved()
        const session = new Session(query, caller, names, again.success)
        const worked = await work(trx, session)
        if (Result.isFailure(worked)) throw new Undo(worked.failure)
        written = true
        await session.write()
        for (const root of roots) drop(root)
        return Result.succeed(worked.success)
      })
    } catch (error) {
      if (error instanceof Undo) return Result.fail(error.refusal as E | Failure)
      if (isBroken(error))
        return Result.fail(
          written
            ? { _tag: "OutcomeUnknown", retryAfterMs }
            : { _tag: "Unavailable", reason: "database_unreachable", retryAfterMs }
        )
      if (!(error instanceof Moved || isTransient(error))) throw error
      if (tries >= mostTries) return Result.fail({ _tag: "Unavailable", reason: "deadline_passed", retryAfterMs })
    }
  }
}

const locate = async (
  query: Query.Query,
  { organization, reach }: Caller,
  names: ReadonlyArray<string>
): Promise<Result.Result<ReadonlyMap<string, Location>, Failure>> => {
  const locations = new Locations(names.length)
  if (names.length > 0) await locations.find(query, organization, names.map(clientOf))
  const found = new Map<string, Location>()
  for (const name of names) {
    const location = locations.get(organization, clientOf(name))
    if (location === undefined || !(await isWithin(query, organization, reach, location.client)))
      return Result.fail({ _tag: "NotFound", what: "client", id: clientOf(name) })
    found.set(name, name === clientOf(name) ? location : { ...location, root: location.client })
  }
  return Result.succeed(found)
}

const clientOf = (name: string): string => (name.startsWith("tree:") ? name.slice("tree:".length) : name)

const isWithin = async (
  query: Query.Query,
  organization: Id.Id,
  reach: Id.Id | null,
  client: Id.Id
): Promise<boolean> =>
  reach === null ||
  reach === client ||
  (await query<{ readonly id: Id.Id }>("within", withinText, [organization, client, reach])).length > 0

const withinText = `select id from client where organization_id = $1 and id = $2 and $3::uuid = any(path)`

const stampsText = `select root_id as root, stamp, at from tree where organization_id = $1 and root_id = any($2::uuid[])`

const keyText = `
select ${entryJson} as entry from entry e
where e.organization_id = $1 and e.client_id = $2 and e.namespace = $3 and e.key = $4`

class Session implements Locked {
  readonly #query: Query.Query
  readonly #caller: Caller
  #names: ReadonlyArray<string>
  readonly #roots: ReadonlyArray<Id.Id>
  #locations: ReadonlyMap<string, Location>
  #trees = new Map<Id.Id, Snapshot>()
  #draft = new Draft()

  constructor(
    query: Query.Query,
    caller: Caller,
    names: ReadonlyArray<string>,
    locations: ReadonlyMap<string, Location>
  ) {
    this.#query = query
    this.#caller = caller
    this.#names = names
    this.#roots = [...new Set([...locations.values()].map(({ root }) => root))]
    this.#locations = byId(locations)
  }

  get at(): Instant.Instant {
    return this.#caller.now
  }

  get #by(): Pick<Posting, "actor" | "token"> {
    return { actor: this.#caller.actor, token: this.#caller.token ?? null }
  }

  readonly client = (name: string): Id.Id => this.#location(name).client

  readonly branch = async (name: string): Promise<Tree.Branch> => {
    const { snapshot, line } = await this.#loaded(name)
    return this.#draft.branch(snapshot, line)
  }

  readonly admit: Locked["admit"] = async (client) => {
    this.#names = [...this.#names, client]
    await this.flush()
  }

  readonly version = async (name: string): Promise<bigint> => (await this.#loaded(name)).line.version

  readonly decide = async (name: string, command: Tree.Command) => {
    const decided = await this.#decide(name, command, null)
    return Result.map(decided, ({ events }) => events)
  }

  readonly post: Locked["post"] = async (name, command, key, asked = null, paid) => {
    const known = await this.#replayed(this.client(name), key)
    if (known !== undefined) return known
    const decided = await this.#decide(name, command, key, asked, paid)
    return Result.map(decided, ({ entry }) => ({ replayed: false, entry }))
  }

  readonly settle: Locked["settle"] = async (id, commandOf, key) => {
    const { client, root } = this.#location(`hold:${id}`)
    const known = await this.#replayed(client, key)
    if (known !== undefined) return known
    await this.#holding(id)
    const hold = this.#trees.get(root)?.holds.get(id)
    if (hold === undefined) return Result.fail({ _tag: "HoldNotFound", hold: id })
    // It stays where it was settled, and nobody of it may be there any more.
    if (hold.outcome !== null) return Result.fail({ _tag: "HoldSettled", hold: id, outcome: hold.outcome })
    const twin = hold.twin === null ? undefined : this.#locations.get(`hold:${hold.twin}`)
    // It has been cut since its halves were named.
    if (hold.twin !== null && twin === undefined) throw new Moved()
    if (hold.twin !== null) await this.#holding(hold.twin)
    const at = this.#latest()
    const { namespace, hash } = key
    const command = commandOf(this.#held(id).snapshot, at)
    if (command === undefined) return Result.fail({ _tag: "HoldNotFound", hold: id })
    const asked = "amount" in command ? command.amount : null
    const main = this.#settled(id, command, { namespace, key: key.key, hash, asked })
    if (Result.isFailure(main)) return Result.fail(main.failure)
    const { events, entry } = main.success
    if (hold.twin !== null) {
      const captured = events.find((event) => event._tag === "HoldSettled")?.captured ?? 0n
      const alike = alikeOf(command, hold.twin, captured < hold.amount ? captured : hold.amount)
      const other = this.#settled(hold.twin, alike, { namespace: "twin", key: hold.twin, hash: null, asked: null })
      if (Result.isFailure(other)) throw new Error(`The halves of hold ${id} do not end alike: ${other.failure._tag}`)
    }
    return Result.succeed({ replayed: false, entry })
  }

  readonly flush: Locked["flush"] = async () => {
    await this.write()
    this.#trees = new Map()
    this.#draft = new Draft()
    const located = await locate(this.#query, this.#caller, this.#names)
    if (Result.isFailure(located)) throw new Error("A client that was named is not there any more")
    this.#locations = byId(located.success)
  }

  readonly record: Locked["record"] = (event) => {
    this.#draft.record({ ...event, ...this.#by, at: this.at })
  }

  /** Stamps every locked tree, also where nothing of the gate's was changed: what the use case wrote may matter to it. */
  async write(): Promise<void> {
    const { organization } = this.#caller
    const unread = this.#roots.filter((root) => !this.#trees.has(root))
    const stamps = await this.#query<Pick<Snapshot, "at" | "root" | "stamp">>("stamps", stampsText, [
      organization,
      unread
    ])
    for (const { root, stamp, at } of stamps) this.#trees.set(root, empty(root, stamp, at))
    const expected = this.#draft.expected(this.#trees.values(), true)
    const { ok } = await commit(this.#query, organization, [randomUUID(), null], expected, [], this.#draft.writes)
    if (!ok) throw new Error("A locked tree changed under its lock")
    await this.#draft.writes.caps.write(this.#query, organization)
    await lookAgain(this.#query, organization, this.#draft.looks, this.at)
  }

  async #decide(
    name: string,
    command: Tree.Command,
    key: Key | null,
    asked: Credits.Credits | null = null,
    paid?: string
  ) {
    const { snapshot, line } = paid === undefined ? await this.#loaded(name) : await this.#paying(name, paid)
    const at = this.#draft.at(snapshot, paid === undefined ? command.at : this.#latest())
    const posting = {
      namespace: key?.namespace ?? "system",
      key: key?.key ?? randomUUID(),
      hash: key?.hash ?? null,
      asked,
      effectiveAt: null,
      ...this.#by
    }
    const decided: Result.Result<Decided, Tree.Refusal> = this.#draft.decide(
      snapshot,
      line,
      { ...command, at },
      posting,
      paid === undefined ? null : this.client(paid)
    )
    return decided
  }

  async #replayed(client: Id.Id, key: Key): Promise<Result.Result<Posted, Failure> | undefined> {
    const { organization } = this.#caller
    const values = [organization, client, key.namespace, key.key]
    const [found] = await this.#query<{ readonly entry: EntryJson }>("key", keyText, values)
    if (found === undefined) return undefined
    return key.hash === null || found.entry.hash === key.hash.toString("hex")
      ? Result.succeed({ replayed: true, entry: toEntry(found.entry) })
      : Result.fail({ _tag: "KeyReused", key: key.key })
  }

  #settled(id: Id.Id, command: Settlement, key: Pick<Posting, "asked" | "hash" | "key" | "namespace">) {
    const { snapshot, line } = this.#held(id)
    const posting = { ...key, effectiveAt: null, ...this.#by }
    return this.#draft.decide(snapshot, line, { ...command, at: this.#draft.at(snapshot, command.at) }, posting)
  }

  #held(id: Id.Id): { readonly snapshot: Snapshot; readonly line: Line } {
    const snapshot = this.#trees.get(this.#location(`hold:${id}`).root)
    const hold = snapshot?.holds.get(id)
    const line = snapshot === undefined || hold === undefined ? undefined : lineOf(snapshot, hold)
    if (snapshot === undefined || line === undefined) throw new Error(`Hold ${id} is not in its tree`)
    return { snapshot, line }
  }

  async #holding(id: Id.Id): Promise<void> {
    const { root } = this.#location(`hold:${id}`)
    await this.#read({ clients: [], holds: [id], due: [root], now: this.at, most: null })
  }

  /** Whoever spent, on the line of who paid, where that is in another tree. */
  async #paying(name: string, paid: string): Promise<{ readonly snapshot: Snapshot; readonly line: Line }> {
    const [spender, payer] = [this.#location(name), this.#location(paid)]
    const found = await this.#loaded(paid)
    if (spender.root === payer.root) return this.#loaded(name)
    return { ...found, line: { ...found.line, client: spender.client } }
  }

  /** What is decided about several trees is decided when the last of them has come to. */
  #latest(): Instant.Instant {
    let latest = this.at
    for (const snapshot of this.#trees.values()) latest = Math.max(latest, this.#draft.at(snapshot, this.at))
    return latest
  }

  async #loaded(name: string): Promise<{ readonly snapshot: Snapshot; readonly line: Line }> {
    const { client, root } = this.#location(name)
    const known = this.#trees.get(root)
    const line = known?.lines.get(client)
    if (known !== undefined && line !== undefined) return { snapshot: known, line }
    await this.#read({ clients: [client], holds: [], due: [root], now: this.at, most: null })
    const snapshot = this.#trees.get(root)
    const loaded = snapshot?.lines.get(client)
    if (snapshot === undefined || loaded === undefined) throw new Error(`Client ${client} is not in its tree`)
    return { snapshot, line: loaded }
  }

  async #read(wanted: Wanted): Promise<void> {
    for (const [root, read] of await load(this.#query, this.#caller.organization, wanted)) {
      const first = !this.#trees.has(root)
      const snapshot = joined(this.#trees.get(root), read)
      this.#trees.set(root, snapshot)
      if (first) this.#draft.lapse(snapshot, this.at)
    }
  }

  #location(name: string): Location {
    const location = this.#locations.get(name)
    if (location === undefined) throw new Error(`${name} was not named when the door was opened`)
    return location
  }
}

const byId = (locations: ReadonlyMap<string, Location>): ReadonlyMap<string, Location> =>
  new Map([
    ...[...locations].flatMap(([name, location]) =>
      name.startsWith("hold:") || name.startsWith("tree:") ? [] : [[location.client, location] as const]
    ),
    ...locations
  ])

/** What ends the other half as a command has ended the main one. */
const alikeOf = (command: Settlement, hold: Id.Id, captured: Credits.Credits): Settlement => {
  const { at } = command
  switch (command._tag) {
    case "Capture":
      return { ...command, hold, amount: captured, allowPartial: false }
    case "Settle":
      return { _tag: "Settle", hold, amount: captured, at }
    case "Release":
      return { _tag: "Release", hold, at }
  }
}
