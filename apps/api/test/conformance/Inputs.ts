/**
 * Inputs that the document allows: drawn from its schemas, then made to name what an estate has, so that they may succeed.
 *
 * A seed brings the same ones back, but for the ids of the estate.
 */
import { createGeneratorSync } from "json-schema-faker"
import { type Estate, kindOf, type Owned } from "../Estate.ts"
import type { Composed, Json, Operation } from "./Document.ts"

export type Input = Readonly<Record<string, unknown>>

/** How many optional fields there are, and whether they are of the estate: by turns, the likeliest first. */
const moods = [
  { optional: 0, likely: true },
  { optional: 0, likely: true },
  { optional: 0.3, likely: true },
  { optional: 0.7, likely: true },
  { optional: 1, likely: true },
  { optional: 0.5, likely: false }
]

export const drawn = (
  operation: Operation,
  { owned, link }: Pick<Estate, "link" | "owned">,
  seed: number,
  count: number
): ReadonlyArray<Input> =>
  Array.from({ length: count }, (_, nth) => {
    const { optional, likely } = moods[nth % moods.length] ?? { optional: 1, likely: true }
    const generator = createGeneratorSync({
      seed: seed + nth,
      optionalsProbability: optional,
      maxDepth: 10,
      maxItems: 2,
      refDepth: 10,
      formats
    })
    const [needed] = oneOf[operation.name] ?? []
    const asked = withoutCursor(operation.input)
    const input = generator.generate(
      optional === 0 && needed !== undefined ? { ...asked, required: [needed] } : asked
    ) as Input
    return likely ? (settled(operation.name, { ...owned, link: [link] }, nth, "", input) as Input) : input
  })

/** Optional fields of which exactly one has to be given: a rule that the document only puts in words. */
export const oneOf: Readonly<Record<string, ReadonlyArray<string>>> = { "sessions.create": ["member", "operator"] }

/** A cursor is what was answered before: chance has none. */
const withoutCursor = (schema: Json): Json => {
  const { properties } = schema as Composed
  const kept = Object.entries(properties ?? {}).filter(([name]) => name !== "cursor")
  return { ...schema, properties: Object.fromEntries(kept) }
}

const zones = ["Europe/Zurich", "UTC", "America/New_York", "Asia/Kolkata"]
const formats = {
  "time-zone": (random: { readonly int: (least: number, most: number) => number }): string =>
    zones[random.int(0, zones.length - 1)] ?? "UTC"
}

interface Known extends Owned {
  readonly link: ReadonlyArray<string>
}

/** What a field is likely to be accepted with, where it has to agree with what there is. */
const likely: Readonly<Record<string, ReadonlyArray<string>>> = {
  currency: ["USD"],
  plan: ["plan"],
  pack: ["small"],
  defaultCreditPack: ["small"],
  cap: ["default"],
  gateway: ["sandbox"],
  reference: ["sandbox_succeed"],
  amount: ["1", "0.5"],
  spent: ["0", "1"],
  threshold: ["1"],
  expiresAt: ["2100-01-01T00:00:00Z"]
}

const settled = (procedure: string, owned: Known, nth: number, name: string, value: unknown): unknown => {
  const pick = <T>(of: ReadonlyArray<T>, shift = 0): T | undefined => of[(nth + shift) % of.length]
  if (Array.isArray(value)) return value.map((item) => settled(procedure, owned, nth, name, item))
  if (typeof value === "object" && value !== null) {
    if ("amount" in value && "currency" in value)
      return { amount: typeof value.amount === "number" ? pick([100, 5_000, 1]) : "1", currency: "USD" }
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, settled(procedure, owned, nth, key, part)])
    )
  }
  if (value === null || typeof value === "boolean") return value
  const kind = name === "link" ? name : kindOf(procedure, name)
  if (kind !== undefined) return pick(owned[kind], name === "parent" ? 1 : 0)
  if (name === "name" && procedure.startsWith("caps.")) return "default"
  const isWord = typeof value === "string" && !/^-?[\d.]+$/.test(value)
  const words = likely[name] ?? []
  return isWord && words.some((word) => /^\d/.test(word)) ? value : (pick(words) ?? value)
}
