/** Numbers as JSON has them, where others answer with strings: what is read is what was written, digit for digit. */
import { Credits, Currency, Money } from "@capstan/domain"
import { Schema, SchemaTransformation } from "effect"

/** The shortest text of a double of at most 15 digits is the decimal that was sent. */
const isExact = (value: number): boolean => {
  const text = String(value)
  return /^-?\d{1,9}(\.\d{1,6})?$/.test(text)
}

/** In millionths. */
export const Decimal = Schema.Finite.check(
  Schema.makeFilter((value: number) => isExact(value) || "must have at most 9 digits before the point and 6 after it", {
    toJsonSchema: () => [{}, true]
  })
).pipe(
  Schema.decodeTo(
    Schema.BigInt,
    SchemaTransformation.transform({
      decode: (value) => Credits.parse(String(value)),
      encode: (value) => Number(Credits.format(value))
    })
  )
)

/** Major units, in millionths, as minor ones; undefined where the currency has no such fraction. */
export const minorOf = (major: bigint, currency: Currency.Currency): Money.Minor | undefined => {
  const minor = major * 10n ** BigInt(Currency.digits(currency))
  return minor % 1_000_000n === 0n ? ((minor / 1_000_000n) as Money.Minor) : undefined
}

/** A cost, in millionths of a minor unit, as the number of major ones. */
export const majorOf = (cost: bigint, currency: Currency.Currency): number => {
  const places = 6 + Currency.digits(currency)
  const size = (cost < 0n ? -cost : cost).toString().padStart(places + 1, "0")
  return Number(`${cost < 0n ? "-" : ""}${size.slice(0, -places)}.${size.slice(-places)}`)
}
