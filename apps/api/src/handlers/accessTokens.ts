/** What answers the procedures of access tokens. A person gives no more than the role of it may. */
import type { KeyObject } from "node:crypto"
import { createAccessToken, deleteAccessToken, rotateAccessToken, updateAccessToken } from "@capstan/billing"
import { type Api, Scope } from "@capstan/contract"
import { TokenView } from "@capstan/store"
import { Effect, Schema } from "effect"
import type * as Handlers from "../Handlers.ts"
import { giving } from "./giving.ts"
import { read } from "./read.ts"

/** Of a token that does not say. */
const perSecond = 1_000

export const accessTokens = (pepper: KeyObject): Handlers.Of<Api["accessTokens"]> => ({
  create: (input, caller) =>
    Effect.map(
      createAccessToken(giving(caller), { client: null, expiresAt: null, perSecond, ...input }, pepper),
      ({ text, ...token }) => ({ ...wire(token), token: text })
    ),

  list: (asked, caller) =>
    Effect.map(
      read((db) => TokenView.list(db, caller, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  get: ({ token }, caller) =>
    Effect.map(
      read((db) => TokenView.get(db, caller, token)),
      wire
    ),

  update: (input, caller) => Effect.map(updateAccessToken(giving(caller), input), wire),

  rotate: ({ token, overlapSeconds }, caller) =>
    Effect.map(rotateAccessToken(giving(caller), { token, overlapSeconds }, pepper), ({ text, ...rotated }) => ({
      ...wire(rotated),
      token: text
    })),

  delete: ({ token }, caller) => Effect.map(deleteAccessToken(caller, token), wire)
})

const isScope = Schema.is(Scope.Scope)

const wire = ({ reach, scopes, version, ...token }: TokenView.View) => ({
  ...token,
  scopes: scopes.filter(isScope),
  client: reach,
  etag: `${version}`
})
