/**
 * Which tree a client, an external id or a hold is in.
 *
 * A location is a guess until the tree has been looked at: clients move and external ids change, and both stamp the
 * tree, so a wrong guess is noticed there and asked again. What is not there is not remembered.
 */
import type { Id } from "@capstan/domain"
import { isId } from "../Ids.ts"
import type { Query } from "./Query.ts"

export interface Location {
  readonly client: Id.Id
  readonly root: Id.Id
}

const text = `
select c.id::text as name, c.id as client, c.root_id as root from client c
where c.organization_id = $1 and c.id = any($2::uuid[])
union all
select 'ext:' || c.external_id, c.id, c.root_id from client c
where c.organization_id = $1 and c.external_id = any($3::text[])
union all
select 'hold:' || h.id, h.client_id, h.root_id from hold h
where h.organization_id = $1 and h.id = any($4::uuid[])`

export class Locations {
  readonly #known = new Map<string, Location>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get(organization: Id.Id, name: string): Location | undefined {
    const known = this.#known.get(`${organization}/${name}`)
    if (known !== undefined) this.#remember(`${organization}/${name}`, known)
    return known
  }

  forget(organization: Id.Id, name: string): void {
    this.#known.delete(`${organization}/${name}`)
  }

  /** Looks names up; those that are there are known from now on. */
  async find(query: Query, organization: Id.Id, names: ReadonlyArray<string>): Promise<void> {
    const {
      clients = [],
      externals = [],
      holds = []
    } = Object.groupBy(names, (name) =>
      name.startsWith("ext:") ? "externals" : name.startsWith("hold:") ? "holds" : "clients"
    )
    const rows = await query<Location & { readonly name: string }>("locate", text, [
      organization,
      clients.filter(isId),
      externals.map((name) => name.slice("ext:".length)).filter((id) => !id.includes("\0")),
      holds.map((name) => name.slice("hold:".length)).filter(isId)
    ])
    for (const { name, client, root } of rows) this.#remember(`${organization}/${name}`, { client, root })
  }

  /** As the one used last: the one not used for longest makes room. */
  #remember(name: string, location: Location): void {
    this.#known.delete(name)
    if (this.#known.size >= this.#most)
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest)
        break
      }
    this.#known.set(name, location)
  }
}
