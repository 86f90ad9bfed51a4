/**
 * Commands that may take away the name they were asked by, an external id. A retry under that name would find nobody: it
 * gets the answer that its key has.
 */
import { type Caller, Clients, type ClientView, CommandKeys, Database, Key } from "@capstan/store"
import { Effect } from "effect"
import type { Refused } from "../Doors.ts"

export const answered = <R>(
  caller: Caller,
  { procedure, payload }: { readonly procedure: string; readonly payload: unknown },
  command: Effect.Effect<ClientView.Client, Refused, R>
): Effect.Effect<ClientView.Client, Refused, Database.Database | R> =>
  Effect.catch(command, (refused) =>
    Effect.gen(function* () {
      if (refused._tag !== "NotFound" || caller.key === null) return yield* Effect.fail(refused)
      const { db } = yield* Database.Database
      const hashFor = ({ id }: ClientView.Client) => Key.hash(procedure, [id, payload])
      const answer = yield* Effect.promise(() =>
        CommandKeys.find<ClientView.Client>(db, { ...caller, procedure }, hashFor)
      )
      if (answer === undefined) return yield* Effect.fail(refused)
      const seen = yield* Effect.promise(() => Clients.find(db, caller, answer.id))
      return seen === undefined ? yield* Effect.fail(refused) : answer
    })
  )
