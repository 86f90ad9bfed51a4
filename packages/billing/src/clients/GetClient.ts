/** A client in detail. */
import { type Caller, ClientView, Database, Trees } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"
import { type ClientDetail, detail } from "./Detail.ts"

export const getClient = Effect.fnUntraced(function* (
  caller: Caller,
  { client: name }: { readonly client: string }
): Effect.fn.Return<ClientDetail, Refused, Trees.Trees | Database.Database> {
  const trees = yield* Trees.Trees
  const { db } = yield* Database.Database
  const seen = yield* Effect.fromResult(yield* Effect.promise(() => trees.look(caller, name)))
  const [{ id }] = seen.branch.line
  const parts = yield* Effect.promise(() => ClientView.parts(db, caller, id))
  if (parts === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "client", id: name } as const)
  return yield* Effect.promise(() => detail(db, caller, parts, seen))
})
