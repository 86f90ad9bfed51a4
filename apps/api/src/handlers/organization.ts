/** What answers the procedures of the organization. */
import { updateOrganization } from "@capstan/billing"
import type { Api } from "@capstan/contract"
import { Database, Organizations } from "@capstan/store"
import { Effect } from "effect"
import type * as Handlers from "../Handlers.ts"

export const organization: Handlers.Of<Api["organization"]> = {
  get: (_, caller) =>
    Effect.flatMap(Database.Database, ({ db }) =>
      Effect.map(
        Effect.promise(() => Organizations.get(db, caller.organization)),
        wire
      )
    ),

  update: (input, caller) => Effect.map(updateOrganization(caller, input), wire)
}

const wire = ({ version, ...organization }: Organizations.Versioned) => ({ ...organization, etag: `${version}` })
