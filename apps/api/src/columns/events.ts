/** The columns of the event log as CSV. */
import type { EventView } from "@capstan/store"
import * as Csv from "../Csv.ts"

const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

export const events: ReadonlyArray<Csv.Column<EventView.Event>> = [
  { heading: "ID", of: ({ id }) => id },
  { heading: "At", of: ({ at }) => Csv.instant(at) },
  { heading: "Kind", of: ({ kind }) => kind },
  { heading: "Client", of: ({ client }) => client },
  { heading: "Number", of: ({ number }) => number },
  { heading: "Object Type", of: ({ object }) => object?.type ?? null },
  { heading: "Object ID", of: ({ object }) => object?.id ?? null },
  { heading: "Actor Type", of: ({ actor }) => actor.type },
  { heading: "Actor ID", of: ({ actor }) => actor.id },
  { heading: "Actor Name", of: ({ actor }) => actor.name },
  { heading: "Token", of: ({ token }) => token },
  { heading: "Before", of: ({ before }) => jsonOf(before) },
  { heading: "After", of: ({ after }) => jsonOf(after) },
  { heading: "Payload", of: ({ payload }) => Csv.json(payload) }
]
