/** Who stood above a client, and when: as the tree is now, and by the log of moves before. */
import type { Id, Instant } from "@capstan/domain"
import type { Client, Move } from "./Group.ts"

/** More than any line is long, should the rows say nonsense. */
const deepest = 64

export class Lines {
  readonly #clients: ReadonlyMap<Id.Id, Client>
  /** Of each client, in the order of time. */
  readonly #moves: ReadonlyMap<Id.Id, ReadonlyArray<Move>>

  constructor(clients: ReadonlyArray<Client>, moves: ReadonlyArray<Move>) {
    this.#clients = new Map(clients.map((client) => [client.id, client]))
    this.#moves = Map.groupBy(moves, ({ client }) => client)
  }

  /** Itself and its ancestors; at the very instant of a move, those of before and after. */
  at(client: Id.Id, at: Instant.Instant): ReadonlyArray<Id.Id> {
    if (this.#moves.size === 0) return this.#clients.get(client)?.line ?? [client]
    const before = new Set(this.#line(client, (moved) => moved >= at))
    const line = this.#line(client, (moved) => moved > at).filter((id) => before.has(id))
    // Who moved more than once at that instant was elsewhere in between.
    const wanderer = line.findIndex((id) => (this.#moves.get(id)?.filter((move) => move.at === at).length ?? 0) > 1)
    return wanderer < 0 ? line : line.slice(0, wanderer + 1)
  }

  #line(client: Id.Id, isLater: (moved: Instant.Instant) => boolean): ReadonlyArray<Id.Id> {
    const line: Array<Id.Id> = []
    for (let id: Id.Id | null = client; id !== null && line.length < deepest;) {
      line.push(id)
      const next: Move | undefined = this.#moves.get(id)?.find(({ at }) => isLater(at))
      id = next === undefined ? (this.#clients.get(id)?.parent ?? null) : next.fromParent
    }
    return line
  }
}
