/** Where a client or a seller is for invoices: a country, and as much of the rest as it has. */
import { Schema } from "effect"
import { Country } from "./Country.ts"

const most = 200
const line = new RegExp(`^[^\\u0000-\\u001f\\u007f]{1,${most}}$`, "u")

export const Line = Schema.String.check(
  Schema.makeFilter((text: string) => text.isWellFormed() || "must be text of whole characters"),
  Schema.isPattern(line, {
    message: `must be one line of 1 to ${most} characters`,
    toJsonSchema: () => [{ pattern: line.source }, true]
  })
)

export const Address = Schema.Struct({
  line1: Schema.NullOr(Line),
  line2: Schema.NullOr(Line),
  postalCode: Schema.NullOr(Line),
  city: Schema.NullOr(Line),
  state: Schema.NullOr(Line),
  country: Country
}).annotate({ identifier: "Address" })
export interface Address extends Schema.Schema.Type<typeof Address> {}
