/**
 * Currencies of ISO 4217 that have a minor unit, and how many digits that unit takes: 2 for the franc, none for the yen.
 */
import { Schema } from "effect"

const codesByDigits = [
  [0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"],
  [
    2,
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP " +
      "COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR " +
      "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN " +
      "NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL " +
      "THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"
  ],
  [3, "BHD IQD JOD KWD LYD OMR TND"],
  [4, "CLF UYW"]
] as const

const digitsByCode: ReadonlyMap<string, number> = new Map(
  codesByDigits.flatMap(([digits, codes]) => codes.split(" ").map((code) => [code, digits] as const))
)

export const codes: ReadonlyArray<string> = [...digitsByCode.keys()]

export const Currency = Schema.String.check(
  Schema.isPattern(new RegExp(`^(?:${codes.join("|")})$`), {
    message: "must be a currency of ISO 4217 that has a minor unit, in upper case, such as EUR",
    toJsonSchema: () => [{ enum: codes }, true]
  })
)
  .annotate({ identifier: "Currency" })
  .pipe(Schema.brand("Currency"))
export type Currency = typeof Currency.Type

export const digits = (currency: Currency): number => digitsByCode.get(currency) ?? 2

/** An amount of minor units as a person reads it: `format(-1205n, "CHF")` is `-12.05 CHF`. */
export const format = (amount: bigint, currency: Currency): string => {
  const places = digits(currency)
  const size = (amount < 0n ? -amount : amount).toString().padStart(places + 1, "0")
  const point = size.length - places
  const fraction = places === 0 ? "" : `.${size.slice(point)}`
  return `${amount < 0n ? "-" : ""}${size.slice(0, point)}${fraction} ${currency}`
}
