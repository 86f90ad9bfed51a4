/** Whether a debit would succeed now, and what could be spent. Nothing is written, and no later debit is promised anything. */
import type { Credits } from "@capstan/domain"
import { type Caller, Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly amount: Credits.Credits
  readonly feature: string | null
}

export const checkCredits = (caller: Caller, input: Input): Effect.Effect<Trees.Checked, Refused, Trees.Trees> =>
  Effect.flatMap(Trees.Trees, (trees) =>
    Effect.flatMap(
      Effect.promise(() => trees.post(caller, { _tag: "Check", ...input })),
      Effect.fromResult
    )
  )
