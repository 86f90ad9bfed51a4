/** Makes a tenant. Nobody is in it yet: its first access token is made by the operator of the installation. */
import type { Calendar, Currency, Instant } from "@capstan/domain"
import { Database, Ids, Organizations } from "@capstan/store"
import { Effect } from "effect"

export interface Input {
  readonly name: string
  readonly mode: "live" | "sandbox"
  readonly currency: Currency.Currency
  readonly timeZone: Calendar.Zone
  readonly settings: Organizations.Settings
  readonly at: Instant.Instant
}

export const createOrganization = Effect.fnUntraced(function* ({
  at,
  settings,
  ...input
}: Input): Effect.fn.Return<Organizations.Organization, never, Database.Database> {
  const { db } = yield* Database.Database
  const organization = {
    ...input,
    id: Ids.mint(),
    settings: { ...Organizations.defaults, ...settings },
    createdAt: at
  }
  yield* Effect.promise(() => db.transaction().execute((trx) => Organizations.insert(trx, organization)))
  return organization
})
