/** What answers the procedures of spending caps. */
import { removeCap, resetWindow, setCap } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { CapView } from "@capstan/store"
import type * as Handlers from "../Handlers.ts"
import { read } from "./read.ts"

export const caps: Handlers.Of<Api["caps"]> = {
  list: ({ client, ...asked }, caller) => read((db) => CapView.list(db, caller, client, caller.now, asked)),

  set: ({ client, name, limit, every, scope, member, meter, enforcement, thresholds }, caller) =>
    setCap(caller, { client, name, limit, every, scope, member, meter, enforcement, thresholds }),

  remove: ({ client, name }, caller) => removeCap(caller, { client, name }),

  resetWindow: ({ client, name }, caller) => resetWindow(caller, { client, name })
}
