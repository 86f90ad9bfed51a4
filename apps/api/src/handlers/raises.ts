/** What answers the procedures of raises. Those who may approve one are told its link. */
import type { KeyObject } from "node:crypto"
import { approveRaise, declineRaise, mayConsent, requestRaise, SignedLink } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { type Caller, RaiseView } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export interface Links {
  readonly pepper: KeyObject
  /** Where the api is reached from outside; links are relative to it where that is not known. */
  readonly publicUrl: string | null
}

export const raises = ({ pepper, publicUrl }: Links): Handlers.Of<Api["raises"]> => {
  const shown =
    (caller: Caller) =>
    ({ line, payer, ...raise }: RaiseView.View) => {
      const { organization } = caller
      const { id, expiresAt, status, consent } = raise
      const may = status === "pending" && mayConsent(caller, consent, { line, payer })
      const path = may ? SignedLink.path(pepper, "raise", { organization, subject: id, expiresAt }) : null
      return { ...raise, approvalUrl: path === null || publicUrl === null ? path : `${publicUrl}${path}` }
    }
  return {
    request: ({ client, cap, limit, note = null }, caller) =>
      Effect.map(requestRaise(caller, { client, cap, limit, note }), shown(caller)),

    list: (asked, caller) =>
      Effect.map(
        read((db) => RaiseView.list(db, caller, asked, caller.now)),
        ({ items, nextCursor }) => ({ items: items.map(shown(caller)), nextCursor })
      ),

    get: ({ raise }, caller) =>
      Effect.map(
        read((db) => RaiseView.get(db, caller, raise, caller.now)),
        shown(caller)
      ),

    approve: ({ raise }, caller) => Effect.map(approveRaise(caller, raise), shown(caller)),

    decline: ({ raise }, caller) => Effect.map(declineRaise(caller, raise), shown(caller))
  }
}
