/**
 * Tax ids, checked as their country does: its form and its check digits, by jsvat. Of a country whose rules are not known,
 * one is taken as it stands, and its type says so.
 */
import type { Country } from "@capstan/domain"
import { checkVAT, countries } from "jsvat"

export interface TaxId {
  readonly value: string
  /** `eu_vat`, the country's such as `ch_vat`, or `us_tax_id` where it was not checked. */
  readonly type: string
}

const union = new Set("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" "))

/** How the id begins, where that is not the country's code. */
const prefixes: Readonly<Record<string, string>> = { GR: "EL", CH: "CHE" }

/** Null where it is none of that country. Spaces, dots and dashes do not matter, nor does its prefix have to be said. */
export const check = (country: Country.Country, text: string): TaxId | null => {
  const rules = countries.find(({ codes }) => codes[0] === country)
  if (rules === undefined) return { value: text.trim(), type: `${country.toLowerCase()}_tax_id` }
  const bare = text.toUpperCase().replaceAll(/[\s.-]/g, "")
  const prefix = prefixes[country] ?? country
  const value = [bare, `${prefix}${bare}`].find((tried) => checkVAT(tried, [rules]).isValid)
  return value === undefined ? null : { value, type: union.has(country) ? "eu_vat" : `${country.toLowerCase()}_vat` }
}
