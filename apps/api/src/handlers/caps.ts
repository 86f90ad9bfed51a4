/** What answers the procedures of spending caps. */
import { setCap } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { CapView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const caps: Handlers.Of<Api["caps"]> = {
  list: ({ client, ...asked }, caller) => read((db) => CapView.list(db, caller, client, caller.now, asked)),

  set: ({ client, name, limit, every, scope, enforcement, thresholds }, caller) =>
    setCap(caller, { client, name, limit, every, scope, enforcement, thresholds })
}
