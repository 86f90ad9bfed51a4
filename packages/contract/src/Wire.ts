/** The values that cross in more than one place: names of things, keys, versions, texts. */
import {
  Address as Place,
  Credits,
  Currency,
  Email as Mailbox,
  Id,
  Instant as Domain,
  Locale as Language,
  Rate
} from "@capstan/domain"
import { Effect, Schema, SchemaTransformation } from "effect"

/** Half a surrogate pair is no character, and cannot be stored. */
const isWellFormed = Schema.makeFilter((text: string) => text.isWellFormed() || "must be text of whole characters")

/** A text of a known form; its pattern stands in the JSON Schema, too. */
const formed = (pattern: RegExp, message: string) =>
  Schema.String.check(
    isWellFormed,
    Schema.isPattern(pattern, { message, toJsonSchema: () => [{ pattern: pattern.source }, true] })
  )

const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

/** What takes no fields: an empty struct would take any. */
export const nothing = Schema.Struct({}).check(
  Schema.makeFilter((given) => {
    const [stray] = Object.keys(given)
    return stray === undefined || { path: [stray], issue: "is not a field here: leave it out" }
  })
)

/** One line of text: no control characters, which neither people nor Postgres can take. */
export const line = (least: number, most: number) =>
  formed(
    new RegExp(`^[^\\u0000-\\u001f\\u007f]{${least},${most}}$`, "u"),
    `must be one line of ${least} to ${most} characters`
  )

export const ExternalId = line(1, 255).annotate({
  description: "Your own id of the client, unique in the organization."
})

export const ClientRef = formed(
  new RegExp(`^(${uuid}|ext:[^\\u0000-\\u001f\\u007f]{1,255})$`, "u"),
  "must be the id of a client, or `ext:` and its external id"
).annotate({ identifier: "ClientRef", description: "A client: its id, or `ext:` and its external id." })

export const MemberRef = formed(
  new RegExp(`^(${uuid}|ext:[^\\u0000-\\u001f\\u007f]{1,255})$`, "u"),
  "must be the id of a member, or `ext:` and its external id"
).annotate({
  identifier: "MemberRef",
  description: "A member: its id; or, where `client` is given, `ext:` and its external id."
})

export const IdempotencyKey = formed(/^[\x20-\x7e]{1,255}$/, "must be 1 to 255 printable ASCII characters").annotate({
  description:
    "Names this request: a retry with the same key gets the first answer and does nothing again. Over REST, the header `Idempotency-Key`."
})

/** Says what crosses: an annotation of what it becomes inside would not reach the JSON Schema. */
export const described = <S extends Schema.Top>(schema: S, description: string): S["Rebuild"] =>
  schema.pipe(Schema.annotateEncoded({ description }))

const dated = (description?: string) =>
  Schema.flip(
    Schema.flip(Domain.Instant).check(
      Schema.makeFilter(() => true, {
        ...(description === undefined ? {} : { description }),
        toJsonSchema: () => [{ format: "date-time" }, true]
      })
    )
  )
export const Instant = dated()
export const instant: (description: string) => typeof Instant = dated

/** Credits and costs that we write: always a string, where what we read may also be an integer. */
export const Decimal = formed(/^-?[0-9]+(\.[0-9]{1,6})?$/, "must be a decimal of at most 6 places").pipe(
  Schema.decodeTo(Schema.BigInt, SchemaTransformation.transform({ decode: Credits.parse, encode: Credits.format }))
)
export const decimal = (description: string) => described(Decimal, description)

const versioned = /^(W\/)?"[0-9]{1,19}"$/

/** On the wire an entity tag, `"7"`, read also where it is weak; inside the bare version, `7`. */
export const Etag = formed(versioned, 'must be an etag as answered before, such as "7"').pipe(
  Schema.decodeTo(
    Schema.String.check(Schema.isPattern(/^[0-9]{1,19}$/)),
    SchemaTransformation.transform({
      decode: (tag) => tag.replace(/^W\//, "").slice(1, -1),
      encode: (version) => `"${version}"`
    })
  )
)

export const etag = described(Etag, "The version of this object; send it as `ifMatch` to change only this one.")

export const idempotencyKey = Schema.optionalKey(IdempotencyKey)
export const ifMatch = Schema.optionalKey(
  described(
    Etag,
    "The etag last seen: the change is refused with 412 if another came first. Over REST, the header `If-Match`."
  )
)

/** `<payer>.<seq>`: the place of an entry in the ledger. */
export const EntryId = formed(
  new RegExp(`^${uuid}\\.(0|[1-9][0-9]{0,14})$`),
  "must be the id of a ledger entry, as answered before"
).pipe(
  Schema.decodeTo(
    Schema.Struct({
      payer: Id.Id,
      seq: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999_999_999 }))
    }),
    SchemaTransformation.transform({
      decode: (id) => ({ payer: id.slice(0, 36), seq: Number(id.slice(37)) }),
      encode: ({ payer, seq }) => `${payer}.${seq}`
    })
  ),
  Schema.annotateEncoded({ description: "The id of a ledger entry: `<payer>.<seq>`." })
)

export const Email = formed(Mailbox.pattern, Mailbox.message)

const orNull = <S extends Schema.Top>(schema: S) =>
  Schema.NullOr(schema).pipe(Schema.withDecodingDefaultTypeKey(Effect.succeed(null)))
const place = Place.Address.fields

/** As it is said: only the country has to be. */
export const Address = Schema.Struct({
  line1: orNull(Place.Line),
  line2: orNull(Place.Line),
  postalCode: orNull(Place.Line),
  city: orNull(Place.Line),
  state: orNull(Place.Line),
  country: place.country
}).annotate({ identifier: "AddressInput", description: "Only the country is needed." })

const tag = "must be a language tag: language, script and region, such as de-CH"

/** Read in any form, and kept in the canonical one. */
export const Locale = formed(/^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$/, tag).pipe(
  Schema.decodeTo(
    Language.Locale,
    SchemaTransformation.transform({ decode: (text) => Language.canonical(text) ?? text, encode: (locale) => locale })
  ),
  Schema.annotateEncoded({ description: "A language tag of BCP 47: language, script and region, such as de-CH." })
)

export const TaxId = line(1, 50).annotate({
  description: "Checked as its country does, where that is known; needs a billing address."
})

export const HttpsUrl = formed(
  /^https:\/\/[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][!-~]{0,1700})?$/,
  "must be an https address of at most 2000 characters, without a user name"
)

const MetadataKey = formed(
  /^[A-Za-z][A-Za-z0-9_.-]{0,39}$/,
  "must start with a letter, and have at most 40 letters, digits, dots, dashes or underscores"
)
export const Metadata = Schema.Record(MetadataKey, Schema.Union([line(0, 500), Schema.Finite, Schema.Boolean]))
  .check(Schema.isMaxProperties(50))
  .annotate({ identifier: "Metadata", description: "Your own keys and values: at most 50." })

const few = <S extends Schema.Top>(item: S) => Schema.Array(item).check(Schema.isMinLength(1), Schema.isMaxLength(20))

/** A filter that may be given once, or several times: any of its values will do. */
export const many = <S extends Schema.Codec<string, string>>(item: S) =>
  Schema.Union([item, few(item)]).pipe(
    Schema.decodeTo(
      few(Schema.toType(item)),
      SchemaTransformation.transform<ReadonlyArray<S["Type"]>, ReadonlyArray<S["Type"]> | S["Type"]>({
        decode: (given) => (typeof given === "string" ? [given] : given),
        encode: (given) => given
      })
    )
  )

/** Filters of a list: all of the keys have to hold. */
export const MetadataFilter = described(
  Schema.Record(MetadataKey, many(line(0, 500))).check(Schema.isMaxProperties(50)),
  "Only those whose metadata has these values, compared as text: of a key given twice, any of them. Over REST, `metadata[key]=value`."
)

export const Feature = formed(
  /^[a-z0-9][a-z0-9_.:-]{0,63}$/,
  "must be the key of a feature, such as chat.tokens"
).annotate({
  description: "The key of the feature that is used: credits may be confined to features."
})

export const Member = line(1, 255).annotate({
  description: "Who of the client spends: there may be caps that count nothing else."
})
export const Meter = formed(/^[a-z0-9][a-z0-9_.:-]{0,63}$/, "must be the key of a meter, such as chat.tokens").annotate(
  {
    description: "The key of the meter it is spent on: there may be caps that count nothing else."
  }
)

export const PlanKey = formed(/^[a-z0-9][a-z0-9_.-]{0,63}$/, "must be the key of a plan, such as pro").annotate({
  description: "The key of a plan."
})

export const ProductKey = formed(/^[a-z0-9][a-z0-9_.-]{0,63}$/, "must be the key of a product, such as small").annotate(
  {
    description: "The key of a product."
  }
)

export const ProductRef = formed(
  /^[a-z0-9][a-z0-9_.-]{0,63}$/,
  "must be the key of a product, or the id of one of its versions"
).annotate({
  identifier: "ProductRef",
  description: "A product: its key, for its latest version, or the id of a version."
})

const mostMinor = 1_000_000_000n
const Affordable = Rate.Rate.check(
  Schema.makeFilter((rate: Rate.Rate) => rate.numerator <= rate.denominator * mostMinor, {
    message: `must be at most ${mostMinor} minor units a credit`
  })
)

/** What a credit costs, in minor units of the currency. */
export const Price = Schema.Struct({
  amount: described(Affordable, "Minor units a credit: a decimal of at most 12 places, or a fraction such as 1/3."),
  currency: Currency.Currency
}).annotate({ identifier: "Price" })
