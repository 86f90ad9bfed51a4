/** Whether a debit would succeed now, and what could be spent. Nothing is written, and no later debit is promised anything. */
import type { Credits, Id, Instant, Tree } from "@capstan/domain"
import { type Caller, CapView, Clients, Database, Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly amount: Credits.Credits
  readonly feature: string | null
  /** Who spends, and on which meter, where that is said: there may be caps that count nothing else. */
  readonly member?: string | null | undefined
  readonly meter?: string | null | undefined
}

interface Room extends CapView.Standing {
  /** What it alone would let through; null where it only tells. */
  readonly available: Credits.Credits | null
}

export interface Checked {
  /** Null where it would succeed. */
  readonly refusal: Tree.Refusal | null
  readonly available: Credits.Credits
  /** Those that count such a debit. */
  readonly caps: ReadonlyArray<Room>
  /** The cap that refuses it, or would refuse one more than is available; null where none would. */
  readonly binding: Id.Id | null
  /** When that cap's window ends; null where none binds, or for a lifetime. */
  readonly freesAt: Instant.Instant | null
}

export const checkCredits = Effect.fnUntraced(function* (
  caller: Caller,
  { member = null, meter = null, ...input }: Input
): Effect.fn.Return<Checked, Refused, Trees.Trees | Database.Database> {
  const trees = yield* Trees.Trees
  const { db } = yield* Database.Database
  const [checked, client] = yield* Effect.promise(() =>
    Promise.all([
      trees.post(caller, { _tag: "Check", ...input, member, meter }),
      Clients.find(db, caller, input.client)
    ])
  )
  const { refusal, available, rooms, binding } = yield* Effect.fromResult(checked)
  if (client === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "client", id: input.client } as const)
  return {
    refusal,
    available,
    caps: rooms.map(({ counter, available }) => ({ ...CapView.present(counter, client.currency), available })),
    binding: binding?.cap.id ?? null,
    freesAt: binding?.window.end ?? null
  }
})
