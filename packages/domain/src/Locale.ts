/** Language tags of BCP 47, in their canonical form: `de-CH`, not `de_ch`. */
import { Schema } from "effect"

/** The canonical form; null where it is no tag. */
export const canonical = (tag: string): string | null => {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? null
  } catch {
    return null
  }
}

export const Locale = Schema.String.check(
  Schema.isMaxLength(35),
  Schema.makeFilter((tag: string) => canonical(tag) === tag, {
    message: "must be a language tag of BCP 47, such as de-CH",
    arbitraryConstraint: { patterns: [{ source: "^(?:de|de-CH|en-US|fr|zh-Hant-TW)$", flags: "" }] }
  })
).pipe(Schema.brand("Locale"))
export type Locale = typeof Locale.Type
