/**
 * What an organization has settled for itself. What it has not is as `defaults` has it.
 *
 * A range that is null leaves the choice to whoever sets the value.
 */
import { Schema } from "effect"
import { Address } from "./Address.ts"
import * as Credits from "./Credits.ts"
import * as Email from "./Email.ts"
import { NotNegative } from "./Money.ts"
import { Seats } from "./subscription/State.ts"

const isOrdered = Schema.makeFilter(({ min, max }: { readonly min: bigint; readonly max: bigint }) =>
  min <= max ? true : { path: ["min"], issue: "must be at most max" }
)

/** Minor units of the client's currency. */
const MoneyRange = Schema.Struct({ min: NotNegative, max: NotNegative }).check(isOrdered)
const CreditsRange = Schema.Struct({ min: Credits.Amount, max: Credits.Amount }).check(isOrdered)

/** A text of a known form; its pattern stands in the JSON Schema, too. */
const formed = (pattern: RegExp, message: string) =>
  Schema.String.check(
    Schema.isPattern(pattern, { message, toJsonSchema: () => [{ pattern: pattern.source }, true] }),
    Schema.makeFilter((text: string) => text.isWellFormed() || "must be text of whole characters")
  )

const line = (most: number) =>
  formed(new RegExp(`^[^\\u0000-\\u001f\\u007f]{1,${most}}$`, "u"), `must be one line of 1 to ${most} characters`)
const link = formed(/^https:\/\/[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(\/[!-~]{0,1800})?$/, "must be an https:// URL")

/** Who sells, by law. */
export const Seller = Schema.Struct({
  legalName: line(200),
  address: Schema.NullOr(Address),
  taxId: Schema.NullOr(line(50)),
  email: Schema.NullOr(formed(Email.pattern, Email.message)),
  phone: Schema.NullOr(formed(/^\+?[0-9][0-9 ().-]{2,30}$/, "must be a telephone number")),
  website: Schema.NullOr(link)
})
export interface Seller extends Schema.Schema.Type<typeof Seller> {}

const packKey = /^[a-z0-9][a-z0-9_.-]{0,63}$/

export const Settings = Schema.Struct({
  rechargeInTrial: Schema.Boolean.annotate({ description: "Whether a client in a trial is recharged." }),
  useBoughtAfterCancel: Schema.Boolean.annotate({
    description: "Once a subscription is canceled, bought and one-off credits may still be spent."
  }),
  onTrialEndWithoutMethod: Schema.Literals(["cancel", "suspend", "pastDue"]),
  reversedAfterEnd: Schema.Union([
    Schema.Literal("lapse"),
    Schema.Struct({ regrantForDays: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3660 })) })
  ]).annotate({
    description: "What becomes of the share of a reversal whose lot has ended: for so many days it lives on, or lapses."
  }),
  capRange: Schema.NullOr(MoneyRange).annotate({
    description: "What the limit of a spending cap may be, in minor units; null for any."
  }),
  rechargeThresholdRange: Schema.NullOr(CreditsRange).annotate({
    description: "Below how many credits a recharge may begin; null for any."
  }),
  rechargeAmountRange: Schema.NullOr(CreditsRange).annotate({
    description: "How many credits a recharge may buy; null for any."
  }),
  rechargeCooldownSeconds: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_592_000 })).annotate({
    description: "How long a recharge waits after the one before, unless its client says."
  }),
  defaultCreditPack: Schema.NullOr(
    Schema.String.check(
      Schema.isPattern(packKey, {
        message: "must be the key of a credit pack, such as small",
        toJsonSchema: () => [{ pattern: packKey.source }, true]
      })
    )
  ).annotate({ description: "The key of the credit pack that a recharge buys where none is named." }),
  raiseConsent: Schema.Literals(["none", "payer", "provider"]).annotate({
    description: "Who has to agree before a cap is raised; the payer, also before a hard one is removed or reset."
  }),
  raiseExpiresAfterHours: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8_760 })),
  chargebackPolicy: Schema.Literals(["block", "owe", "forgive"]).annotate({
    description: "What becomes of bought credits whose payment the bank took back, as far as they are spent."
  }),
  seller: Schema.NullOr(Seller).annotate({
    description: "Who sells, by law, as mails name it; null for the name of the organization."
  }),
  logoUrl: Schema.NullOr(link).annotate({ description: "Where the logo is, for mails; null for none." }),
  declinesUntilInactive: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })).annotate({
    description: "After so many declines in a row a payment method is used no more."
  }),
  invitationExpiresAfterHours: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8_760 })).annotate({
    description: "How long an invitation keeps its seat, from when it was sent last."
  }),
  disposableEmail: Schema.Literals(["allow", "refuse"]).annotate({
    description: "Whether people may be added or invited at an address of a provider of throw-away addresses."
  }),
  seatsWithoutSubscription: Schema.NullOr(Seats).annotate({
    description: "How many people a client may have that has no subscription; null for any number."
  })
})
export interface Settings extends Schema.Schema.Type<typeof Settings> {}

export const defaults: Settings = {
  rechargeInTrial: false,
  useBoughtAfterCancel: true,
  onTrialEndWithoutMethod: "cancel",
  reversedAfterEnd: { regrantForDays: 30 },
  capRange: null,
  rechargeThresholdRange: null,
  rechargeAmountRange: null,
  rechargeCooldownSeconds: 60,
  defaultCreditPack: null,
  raiseConsent: "none",
  raiseExpiresAfterHours: 168,
  chargebackPolicy: "owe",
  seller: null,
  logoUrl: null,
  declinesUntilInactive: 1,
  invitationExpiresAfterHours: 168,
  disposableEmail: "refuse",
  seatsWithoutSubscription: null
}

/** Whether a range lets a value through. */
export const admits = (range: { readonly min: bigint; readonly max: bigint } | null, value: bigint): boolean =>
  range === null || (range.min <= value && value <= range.max)
