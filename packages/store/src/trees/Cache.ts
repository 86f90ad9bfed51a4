/** Snapshots of the trees used last, up to so many rows. */
import type { Id } from "@capstan/domain"
import { size, type Snapshot } from "./Snapshot.ts"

export class Cache {
  readonly #snapshots = new Map<string, { readonly snapshot: Snapshot; rows: number }>()
  readonly #most: number
  #rows = 0

  constructor(most: number) {
    this.#most = most
  }

  /** The rows that it holds. */
  get rows(): number {
    return this.#rows
  }

  get(organization: Id.Id, root: Id.Id): Snapshot | undefined {
    return this.#snapshots.get(`${organization}/${root}`)?.snapshot
  }

  /** Counts what a snapshot has become, and drops those unused for longest. */
  keep(organization: Id.Id, snapshot: Snapshot): void {
    const name = `${organization}/${snapshot.root}`
    this.drop(organization, snapshot.root)
    const rows = size(snapshot)
    this.#snapshots.set(name, { snapshot, rows })
    this.#rows += rows
    for (const [oldest, { rows }] of this.#snapshots) {
      if (this.#rows <= this.#most || oldest === name) break
      this.#snapshots.delete(oldest)
      this.#rows -= rows
    }
  }

  drop(organization: Id.Id, root: Id.Id): void {
    const name = `${organization}/${root}`
    this.#rows -= this.#snapshots.get(name)?.rows ?? 0
    this.#snapshots.delete(name)
  }
}
