/** What answers the procedures of operators. */
import { inviteOperator, removeOperator, updateOperator } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { Operators } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const operators: Handlers.Of<Api["operators"]> = {
  invite: ({ email, name = null, role }, caller) => Effect.map(inviteOperator(caller, { email, name, role }), wire),

  list: (asked, caller) =>
    // Who is confined to a client sees nobody of the organization.
    caller.reach !== null
      ? Effect.succeed({ items: [], nextCursor: null })
      : Effect.map(
          read((db) => Operators.list(db, caller.organization, asked)),
          ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
        ),

  update: ({ operator, name, role }, caller) =>
    Effect.map(
      updateOperator(caller, {
        operator,
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { role })
      }),
      wire
    ),

  remove: ({ operator }, caller) => Effect.map(removeOperator(caller, operator), wire)
}

const wire = ({ version, ...operator }: Operators.Operator) => ({ ...operator, etag: `${version}` })
