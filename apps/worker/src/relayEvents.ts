/**
 * The relay of the event log: rows that ask for work become jobs of their own id, all are marked. A job knows its event by
 * that id alone: what the log has forgotten is kept nowhere else.
 */
import { Relay, type Database } from "@capstan/store"
import type { Id } from "@capstan/domain"
import { queuesFor } from "./jobs.ts"
import type { Found } from "./Loop.ts"
import type { Queues } from "./Queues.ts"

const rowsAtOnce = 500
/** So that every organization has its turn. */
const mostPages = 10

export const relayEvents = ({ db }: Pick<Database.Connection, "db">, { send }: Pick<Queues, "send">) => {
  const lastByOrganization = new Map<Id.Id, Id.Id>()

  const handOn = (rows: ReadonlyArray<Relay.Row>): Promise<void> =>
    send(
      rows.flatMap(({ id, organization, kind }) =>
        queuesFor(kind).map((queue) => ({ queue, id, data: { id, organization } }))
      )
    )

  /** Whether some of it is left. */
  const relayOne = async (organization: Id.Id, signal: AbortSignal): Promise<boolean> => {
    for (let pages = 0; pages < mostPages && !signal.aborted; pages++) {
      const after = lastByOrganization.get(organization) ?? null
      const { last } = await Relay.relay(db, organization, { after, limit: rowsAtOnce }, handOn)
      if (last !== null) lastByOrganization.set(organization, last)
      else {
        lastByOrganization.delete(organization)
        return after !== null
      }
    }
    return true
  }

  return async (signal: AbortSignal): Promise<Found> => {
    let found: Found = "nothing"
    let after: Id.Id | null = null
    while (!signal.aborted) {
      const organizations: ReadonlyArray<Id.Id> = await Relay.organizations(db, after, 100)
      for (const organization of organizations) if (await relayOne(organization, signal)) found = "more"
      const last = organizations.at(-1)
      if (last === undefined) break
      after = last
    }
    return found
  }
}
