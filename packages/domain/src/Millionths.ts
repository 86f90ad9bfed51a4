/**
 * Fixed-point numbers with six places, held as a `bigint` of millionths and written as a decimal string: `1.5` is
 * 1 500 000n. Credits and costs are such numbers, of different things.
 */
import { Schema, SchemaTransformation } from "effect"

const pattern = /^-?\d{1,13}(\.\d{1,6})?$/

const widest = { minimum: -9_999_999_999_999, maximum: 9_999_999_999_999 }

/** What is accepted, told to others: a JSON Schema knows no bound of what a text becomes. */
interface Told {
  readonly text: RegExp
  readonly whole: { readonly minimum: number; readonly maximum: number; readonly not?: { readonly const: number } }
}

const textOf = ({ text }: Told) =>
  Schema.String.check(
    Schema.isPattern(pattern, {
      message: "must be a decimal with at most 13 digits before the point and 6 after it, such as 12.5",
      toJsonSchema: () => [{ pattern: text.source }, true]
    })
  )
/** An integer is accepted in place of a string; a fraction is not, since 0.1 is not a tenth in a double. */
const wholeOf = ({ whole }: Told) =>
  Schema.Number.check(
    Schema.isInt({ message: "must be a whole number, or a decimal string with at most 6 places" }),
    Schema.isBetween(widest, { toJsonSchema: () => [whole, true] })
  )

export const parse = (text: string): bigint => {
  const [whole = "0", fraction = ""] = text.replace("-", "").split(".")
  const size = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0"))
  return text.startsWith("-") ? -size : size
}

export const format = (value: bigint): string => {
  const size = value < 0n ? -value : value
  const fraction = size % 1_000_000n
  const places = fraction === 0n ? "" : `.${fraction.toString().padStart(6, "0").replace(/0+$/, "")}`
  return `${value < 0n ? "-" : ""}${size / 1_000_000n}${places}`
}

/** The codec itself is as wide for all: whoever tells of less checks for it. */
export const told = (told: Told) =>
  Schema.Union([textOf(told), wholeOf(told)]).pipe(
    Schema.decodeTo(
      Schema.BigInt,
      SchemaTransformation.transform({
        decode: (written: number | string): bigint =>
          typeof written === "number" ? BigInt(written) * 1_000_000n : parse(written),
        encode: (value): number | string => format(value)
      })
    )
  )

export const Millionths = told({ text: pattern, whole: widest })
