/** What answers the procedures of the event log. */
import type { Api } from "@capstan/contract"
import { EventView } from "@capstan/store"
import { Effect } from "effect"
import * as columns from "../columns/events.ts"
import * as Csv from "../Csv.ts"
import type * as Handlers from "../Handlers.ts"
import * as Pages from "../Pages.ts"
import { read } from "./read.ts"

export const events: Handlers.Of<Api["events"]> = {
  list: (asked, caller) => read((db) => EventView.list(db, caller, asked)),

  get: ({ event }, caller) => read((db) => EventView.get(db, caller, event)),

  export: (asked, caller) =>
    Effect.map(
      Pages.ofList((db, cursor) => EventView.list(db, caller, { ...asked, limit: Pages.size, cursor })),
      (pages) => ({ filename: "events.csv", mediaType: "text/csv", pieces: Csv.pieces(columns.events, pages) })
    )
}
