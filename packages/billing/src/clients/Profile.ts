/** Who a client is, besides its name: what is said of it makes the whole, where the tax id is one of the billing country. */
import type { Address, Locale } from "@capstan/domain"
import type { Clients, Failure } from "@capstan/store"
import { Result } from "effect"
import * as TaxId from "./TaxId.ts"

/** What is undefined stays as it is, null clears. */
export interface Said {
  readonly billingName?: string | null | undefined
  readonly billingAddress?: Address.Address | null | undefined
  readonly taxId?: string | null | undefined
  readonly locale?: Locale.Locale | null | undefined
  readonly logoUrl?: string | null | undefined
}

export const none: Clients.Profile = {
  billingName: null,
  billingAddress: null,
  taxId: null,
  taxIdType: null,
  locale: null,
  logoUrl: null
}

/** A tax id that was checked for one country is checked anew for another. */
export const after = (before: Clients.Profile, said: Said): Result.Result<Clients.Profile, Failure> => {
  const { billingName, billingAddress, taxId, locale, logoUrl } = { ...before, ...defined(said) }
  const profile = { billingName, billingAddress, taxId, locale, logoUrl }
  const isSame = taxId === before.taxId && billingAddress?.country === before.billingAddress?.country
  if (isSame) return Result.succeed({ ...profile, taxIdType: before.taxIdType })
  if (taxId === null) return Result.succeed({ ...profile, taxIdType: null })
  if (billingAddress === null) return Result.fail(noCountry)
  const checked = TaxId.check(billingAddress.country, taxId)
  return checked === null
    ? Result.fail(invalid(billingAddress.country))
    : Result.succeed({ ...profile, taxId: checked.value, taxIdType: checked.type })
}

const defined = ({ billingName, billingAddress, taxId, locale, logoUrl }: Said): Partial<Clients.Profile> => ({
  ...(billingName === undefined ? {} : { billingName }),
  ...(billingAddress === undefined ? {} : { billingAddress }),
  ...(taxId === undefined ? {} : { taxId }),
  ...(locale === undefined ? {} : { locale }),
  ...(logoUrl === undefined ? {} : { logoUrl })
})

const noCountry: Failure = {
  _tag: "NotAdmissible",
  reason: "billing_country_required",
  message: "A tax id is of a country: give a billing address with its country, or clear the tax id as well.",
  field: "billingAddress"
}

const invalid = (country: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "tax_id_invalid",
  message: `This is no tax id of ${country}: check its digits, and the country of the billing address.`,
  field: "taxId"
})
