/** Where the clients of some trees stand: each below its parent, in its parent's tree, paid for by whom the record says. */
import type { Id } from "@capstan/domain"
import type { Notes } from "./Findings.ts"
import type { Client } from "./Group.ts"

export const examine = (notes: Notes, clients: ReadonlyArray<Client>): void => {
  const clientById = new Map(clients.map((client) => [client.id, client]))
  for (const client of clients) {
    const { id, line, parent, recorded, root } = client
    const above = parent === null ? undefined : clientById.get(parent)
    notes.check("places")
    const expected = described(above?.root ?? (parent === null ? id : "the tree of its parent"), [
      ...(above?.line ?? []),
      id
    ])
    const found = described(root, line)
    if (expected !== found) notes.differ("places", `client ${id}`, expected, found)
    notes.check("payers")
    const payer = payerOf(client, clientById)
    if (payer !== recorded) notes.differ("payers", `client ${id}`, `paid for by ${payer}`, recorded ?? "no record")
  }
}

const described = (root: Id.Id, line: ReadonlyArray<Id.Id>): string => `in the tree of ${root}, ${line.join(" > ")}`

/** The nearest that does not draw on its parent, itself included. */
const payerOf = ({ line }: Client, clientById: ReadonlyMap<Id.Id, Client>): Id.Id | undefined =>
  line.findLast((id) => {
    const client = clientById.get(id)
    return client !== undefined && (!client.usesParentBalance || client.parent === null)
  })
