/** What answers the procedures of sessions. */
import type { KeyObject } from "node:crypto"
import { createSession, revokeSession, visibleTo } from "@capstan/billing"
import { type Api, Scope } from "@capstan/contract"
import type { Id } from "@capstan/domain"
import { type Failure, Sessions } from "@capstan/store"
import { Effect, Schema } from "effect"
import type * as Handlers from "../Handlers.ts"
import { giving } from "./giving.ts"
import { read } from "./read.ts"

export const sessions = (pepper: KeyObject): Handlers.Of<Api["sessions"]> => ({
  create: ({ expiresIn, member, client, operator }, caller) => {
    const person = personOf(member === undefined ? null : { member, client }, operator)
    return person === null || person === "both"
      ? Effect.fail(oneOfThem)
      : Effect.map(
          createSession(giving(caller), { person, expiresInMs: expiresIn * 1_000 }, pepper),
          ({ text, ...session }) => ({ ...wire(session), token: text })
        )
  },

  list: ({ limit, cursor, member, operator }, caller) => {
    const person = personOf(member === undefined ? null : { member }, operator)
    return person === "both"
      ? Effect.fail(oneOfThem)
      : Effect.map(
          read((db) => Sessions.list(db, visibleTo(caller), person, { limit, cursor })),
          ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
        )
  },

  revoke: ({ session }, caller) => Effect.map(revokeSession(caller, session), wire)
})

/** Null where nobody is named. */
const personOf = <M>(member: M | null, operator: Id.Id | undefined) => {
  if (operator === undefined) return member
  return member === null ? { operator } : "both"
}

const oneOfThem: Failure = { _tag: "OutOfRange", message: "Name a member or an operator: one of them, not both." }

const isScope = Schema.is(Scope.Scope)
const wire = (session: Sessions.Session) => ({ ...session, scopes: session.scopes.filter(isScope) })
