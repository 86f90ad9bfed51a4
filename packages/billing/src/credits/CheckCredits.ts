/** Whether a debit would succeed now, and what could be spent. Nothing is written, and no later debit is promised anything. */
import type { Credits, Tree } from "@capstan/domain"
import { type Caller, CapView, Clients, Database, Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly amount: Credits.Credits
  readonly feature: string | null
}

export interface Checked {
  /** Null where it would succeed. */
  readonly refusal: Tree.Refusal | null
  readonly available: Credits.Credits
  readonly caps: ReadonlyArray<CapView.Standing>
}

export const checkCredits = Effect.fnUntraced(function* (
  caller: Caller,
  input: Input
): Effect.fn.Return<Checked, Refused, Trees.Trees | Database.Database> {
  const trees = yield* Trees.Trees
  const { db } = yield* Database.Database
  const [checked, client] = yield* Effect.promise(() =>
    Promise.all([trees.post(caller, { _tag: "Check", ...input }), Clients.find(db, caller, input.client)])
  )
  const { refusal, available, counters } = yield* Effect.fromResult(checked)
  if (client === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "client", id: input.client } as const)
  return { refusal, available, caps: counters.map((counter) => CapView.present(counter, client.currency)) }
})
