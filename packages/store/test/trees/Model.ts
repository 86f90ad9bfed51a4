/** A tree in memory, decided by `Tree` alone: what the gates have to agree with. */
import { SpendingCap, Tree, Wallet } from "@capstan/domain"
import { Result } from "effect"

export interface Place {
  readonly id: string
  /** Itself first, the root last. */
  readonly line: ReadonlyArray<string>
  readonly payer: string
  readonly overdraftLimit: bigint
}

export class Model {
  at = Number.NEGATIVE_INFINITY
  readonly #places: ReadonlyMap<string, Place>
  readonly #members: Map<string, Tree.Member>
  readonly #wallets = new Map<string, Wallet.State>()
  readonly #counters: Map<string, SpendingCap.Counter>
  readonly #holds = new Map<string, Tree.Hold>()

  constructor(places: ReadonlyArray<Place>, caps: ReadonlyArray<SpendingCap.State>, onboardedAt: number) {
    this.#places = new Map(places.map((place) => [place.id, place]))
    const lifecycle = { onboardedAt, closedAt: null, suspensions: [] }
    this.#members = new Map(places.map(({ id }) => [id, { id, lifecycle, subscription: null }]))
    this.#counters = new Map(caps.map((cap) => [cap.id, { cap, window: SpendingCap.open(cap, 0) }]))
  }

  hold(id: string): Tree.Hold | undefined {
    return this.#holds.get(id)
  }

  /** Holds whose time is over are settled before anything is decided. */
  hasDue(at: number): boolean {
    return [...this.#holds.values()].some(({ expiresAt, outcome }) => outcome === null && expiresAt <= at)
  }

  decide(client: string, command: Tree.Command): Result.Result<ReadonlyArray<Tree.Event>, Tree.Refusal> {
    return Tree.decide(this.#branch(client, command.at), command)
  }

  apply(client: string, events: ReadonlyArray<Tree.Event>, at: number): void {
    this.at = Math.max(this.at, at)
    const { line, payer, wallet, counters, holds } = events.reduce(Tree.evolve, this.#branch(client, at))
    this.#wallets.set(payer, wallet)
    for (const member of line) this.#members.set(member.id, member)
    for (const counter of counters) this.#counters.set(counter.cap.id, counter)
    for (const hold of holds) this.#holds.set(hold.id, hold)
  }

  #branch(client: string, at: number): Tree.Branch {
    const { line, payer } = this.#places.get(client) ?? { line: new Array<string>(), payer: client }
    const [self, ...ancestors] = line.flatMap((id) => this.#members.get(id) ?? [])
    if (self === undefined) throw new Error(`${client} is not of this tree`)
    const { overdraftLimit = 0n } = this.#places.get(payer) ?? {}
    return {
      line: [self, ...ancestors],
      payer,
      former: false,
      terms: { ...Wallet.prepaid, overdraftLimit },
      policy: { rechargeInTrial: false, useBoughtAfterCancel: true },
      wallet: this.#wallets.get(payer) ?? Wallet.initial,
      counters: line.flatMap((member) =>
        [...this.#counters.values()]
          .filter(({ cap }) => cap.client === member)
          .map((counter) => SpendingCap.at(counter, at))
      ),
      watch: null,
      holds: [...this.#holds.values()]
    }
  }
}
