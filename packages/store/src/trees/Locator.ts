/** Asks where names are, all that wait in one statement. */
import type { Id } from "@capstan/domain"
import { type Location, Locations } from "./Locations.ts"
import type { Sessions } from "./Sessions.ts"

interface Search {
  readonly names: Set<string>
  readonly done: PromiseWithResolvers<void>
}

export class Locator {
  readonly #locations: Locations
  readonly #sessions: Sessions
  readonly #searches = new Map<Id.Id, Search>()
  #searching = false

  constructor(sessions: Sessions, most: number) {
    this.#locations = new Locations(most)
    this.#sessions = sessions
  }

  known(organization: Id.Id, name: string): Location | undefined {
    return this.#locations.get(organization, name)
  }

  forget(organization: Id.Id, name: string): void {
    this.#locations.forget(organization, name)
  }

  /** Rejects where the database cannot be asked. */
  async find(organization: Id.Id, name: string): Promise<Location | undefined> {
    const known = this.#searches.get(organization)
    const search = known ?? { names: new Set(), done: Promise.withResolvers<void>() }
    search.names.add(name)
    if (known === undefined) {
      this.#searches.set(organization, search)
      if (!this.#searching) {
        this.#searching = true
        setImmediate(() => void this.#search())
      }
    }
    await search.done.promise
    return this.#locations.get(organization, name)
  }

  async #search(): Promise<void> {
    for (const [organization, { names, done }] of this.#searches) {
      this.#searches.delete(organization)
      await this.#sessions
        .run((query) => this.#locations.find(query, organization, [...names]))
        .then(done.resolve, done.reject)
    }
    this.#searching = false
  }
}
