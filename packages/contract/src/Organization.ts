/** The organization that a token is of: its name, and what it has settled for all its clients. */
import { Calendar, Currency, Id, Settings } from "@capstan/domain"
import { Schema, Struct } from "effect"
import { mutation, query } from "./Procedure.ts"
import * as Wire from "./Wire.ts"

const All = Settings.Settings.annotate({ identifier: "Settings" })

const Patch = Settings.Settings.mapFields(Struct.map(Schema.NullOr))
  .mapFields(Struct.map(Schema.optionalKey))
  .annotate({
    identifier: "SettingsPatch",
    description: "What is absent stays as it is; null sets it back to what it is unless settled."
  })

export const Organization = Schema.Struct({
  id: Id.Id,
  name: Schema.String,
  mode: Schema.Literals(["live", "sandbox"]),
  currency: Currency.Currency,
  timeZone: Calendar.Zone,
  settings: All,
  etag: Wire.etag,
  createdAt: Wire.Instant
}).annotate({ identifier: "Organization" })
export interface Organization extends Schema.Schema.Type<typeof Organization> {}

export const procedures = {
  get: query({
    rest: "GET /v1/organization",
    summary: "Read the organization that the token is of, with its settings",
    scope: "organization:read",
    input: Wire.nothing,
    output: Organization,
    refuses: []
  }),
  update: mutation({
    rest: "PATCH /v1/organization",
    summary: "Change the organization's name, time zone or settings; a setting holds from the next request on",
    scope: "organization:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      name: Schema.optionalKey(Wire.line(1, 200)),
      timeZone: Schema.optionalKey(
        Calendar.Zone.annotate({ description: "Of clients that are created from now on without one of their own." })
      ),
      settings: Schema.optionalKey(Patch),
      idempotencyKey: Wire.idempotencyKey,
      ifMatch: Wire.ifMatch
    }),
    output: Organization,
    refuses: ["idempotency_conflict", "precondition_failed", "not_admissible"]
  })
}
