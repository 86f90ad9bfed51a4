/** What answers the procedures of access tokens. */
import type { KeyObject } from "node:crypto"
import { createAccessToken, deleteAccessToken } from "@capstan/billing"
import { type Api, Scope } from "@capstan/contract"
import { AccessTokens } from "@capstan/store"
import { Effect, Schema } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

/** Of a token that does not say. */
const perSecond = 1_000

export const accessTokens = (pepper: KeyObject): Handlers.Of<Api["accessTokens"]> => ({
  create: (input, caller) =>
    Effect.map(
      createAccessToken(caller, { client: null, expiresAt: null, perSecond, ...input }, pepper),
      ({ text, ...token }) => ({ ...wire(token), token: text })
    ),

  list: (asked, caller) =>
    Effect.map(
      read((db) => AccessTokens.list(db, caller, asked)),
      ({ items, nextCursor }) => ({ items: items.map(wire), nextCursor })
    ),

  delete: ({ token }, caller) => Effect.map(deleteAccessToken(caller, token), wire)
})

const isScope = Schema.is(Scope.Scope)

const wire = ({ reach, scopes, ...token }: AccessTokens.AccessToken) => ({
  ...token,
  scopes: scopes.filter(isScope),
  client: reach
})
