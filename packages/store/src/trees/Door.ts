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
import { type Decided, Draft } from "./Draft.ts"
import { type Entry, entryJson, type EntryJson, toEntry } from "./Entry.ts"
import { joined, load } from "./Load.ts"
import { type Location, Locations } from "./Locations.ts"
import * as Query from "./Query.ts"
import * as Roots from "./Roots.ts"
import { empty, type Line, type Snapshot } from "./Snapshot.ts"
import { commit } from "./Writes.ts"

export interface Locked {
  readonly at: Instant.Instant
  /** The id of a client that was named when the door was opened. From then on it is named by its id as well. */
  readonly client: (name: string) => Id.Id
  /** As it is now, with what has been decided here. */
  readonly branch: (name: string) => Promise<Tree.Branch>
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
    asked?: Credits.Credits | null
  ) => Promise<Result.Result<{ readonly replayed: boolean; readonly entry: Entry | null }, Failure | Tree.Refusal>>
  /** A line for the event log. */
  readonly record: (event: { readonly client: Id.Id | null; readonly kind: string; readonly payload: unknown }) => void
}

/** The clients concerned; or what picks them in the transaction, by locking the roots of those that it finds free. */
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
        const session = new Session(query, caller, again.success)
        const worked = await work(trx, session)
        if (Result.isFailure(worked)) throw new Undo(worked.failure)
        written = true
        await session.write(roots)
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
  if (names.length > 0) await locations.find(query, organization, names)
  const found = new Map<string, Location>()
  for (const name of names) {
    const location = locations.get(organization, name)
    if (location === undefined || !(await isWithin(query, organization, reach, location.client)))
      return Result.fail({ _tag: "NotFound", what: "client", id: name })
    found.set(name, location)
  }
  return Result.succeed(found)
}

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
  readonly #locations: ReadonlyMap<string, Location>
  readonly #trees = new Map<Id.Id, Snapshot>()
  readonly #draft = new Draft()

  constructor(query: Query.Query, caller: Caller, locations: ReadonlyMap<string, Location>) {
    this.#query = query
    this.#caller = caller
    this.#locations = new Map([
      ...[...locations.values()].map((location) => [location.client, location] as const),
      ...locations
    ])
  }

  get at(): Instant.Instant {
    return this.#caller.now
  }

  readonly client = (name: string): Id.Id => this.#location(name).client

  readonly branch = async (name: string): Promise<Tree.Branch> => {
    const { snapshot, line } = await this.#loaded(name)
    return this.#draft.branch(snapshot, line)
  }

  readonly version = async (name: string): Promise<bigint> => (await this.#loaded(name)).line.version

  readonly decide = async (name: string, command: Tree.Command) => {
    const decided = await this.#decide(name, command, null)
    return Result.map(decided, ({ events }) => events)
  }

  readonly post: Locked["post"] = async (name, command, key, asked = null) => {
    const client = this.client(name)
    const [found] = await this.#query<{ readonly entry: EntryJson }>("key", keyText, [
      this.#caller.organization,
      client,
      key.namespace,
      key.key
    ])
    if (found !== undefined)
      return key.hash === null || found.entry.hash === key.hash.toString("hex")
        ? Result.succeed({ replayed: true, entry: toEntry(found.entry) })
        : Result.fail({ _tag: "KeyReused", key: key.key })
    const decided = await this.#decide(name, command, key, asked)
    return Result.map(decided, ({ entry }) => ({ replayed: false, entry }))
  }

  readonly record: Locked["record"] = (event) => {
    this.#draft.record({ ...event, actor: this.#caller.actor, at: this.at })
  }

  /** Stamps every locked tree, also where nothing of the gate's was changed: what the use case wrote may matter to it. */
  async write(roots: ReadonlyArray<Id.Id>): Promise<void> {
    const { organization } = this.#caller
    const unread = roots.filter((root) => !this.#trees.has(root))
    const stamps = await this.#query<Pick<Snapshot, "at" | "root" | "stamp">>("stamps", stampsText, [
      organization,
      unread
    ])
    for (const { root, stamp, at } of stamps) this.#trees.set(root, empty(root, stamp, at))
    const expected = this.#draft.expected(this.#trees.values(), true)
    const { ok } = await commit(this.#query, organization, [randomUUID(), null], expected, [], this.#draft.writes)
    if (!ok) throw new Error("A locked tree changed under its lock")
    await this.#draft.writes.caps.write(this.#query, organization)
  }

  async #decide(name: string, command: Tree.Command, key: Key | null, asked: Credits.Credits | null = null) {
    const { snapshot, line } = await this.#loaded(name)
    const at = this.#draft.at(snapshot, command.at)
    const posting = {
      namespace: key?.namespace ?? "system",
      key: key?.key ?? randomUUID(),
      hash: key?.hash ?? null,
      asked,
      effectiveAt: null,
      actor: this.#caller.actor
    }
    const decided: Result.Result<Decided, Tree.Refusal> = this.#draft.decide(
      snapshot,
      line,
      { ...command, at },
      posting
    )
    return decided
  }

  async #loaded(name: string): Promise<{ readonly snapshot: Snapshot; readonly line: Line }> {
    const { client, root } = this.#location(name)
    const known = this.#trees.get(root)
    const line = known?.lines.get(client)
    if (known !== undefined && line !== undefined) return { snapshot: known, line }
    const wanted = { clients: [client], holds: [], due: [root], now: this.at, most: null }
    for (const [root, read] of await load(this.#query, this.#caller.organization, wanted)) {
      const first = !this.#trees.has(root)
      const snapshot = joined(this.#trees.get(root), read)
      this.#trees.set(root, snapshot)
      if (first) this.#draft.lapse(snapshot, this.at)
    }
    const snapshot = this.#trees.get(root)
    const loaded = snapshot?.lines.get(client)
    if (snapshot === undefined || loaded === undefined) throw new Error(`Client ${client} is not in its tree`)
    return { snapshot, line: loaded }
  }

  #location(name: string): Location {
    const location = this.#locations.get(name)
    if (location === undefined) throw new Error(`${name} was not named when the door was opened`)
    return location
  }
}
