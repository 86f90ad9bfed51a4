/**
 * The billing of a sub-organization, as another platform's API has it: its path, its names, amounts as JSON numbers.
 *
 * A sub-organization is a client. The organization above it is ours, or a client above it; `c` is the key's own. Balances
 * and recharges are in credits, the cap is in major units of the client's currency.
 */
import { type ClientDetail, type Refused, updateBilling } from "@capstan/billing"
import { Procedure, Wire } from "@capstan/contract"
import { type Currency, Id } from "@capstan/domain"
import { type Caller, Clients, Database, type Failure, Organizations } from "@capstan/store"
import { Effect, Schema } from "effect"
import type { Handler } from "../Handlers.ts"
import { Decimal, majorOf, minorOf } from "./Decimal.ts"

const notNegative = Decimal.check(Schema.isGreaterThanOrEqualToBigInt(0n, { message: "must not be negative" }))
const Recharge = Schema.Struct({
  enabled: Schema.Boolean,
  recharge_threshold: Schema.optionalKey(notNegative),
  recharge_amount: Schema.optionalKey(notNegative)
})
const Cap = Schema.Struct({
  enabled: Schema.Boolean,
  amount: Schema.optionalKey(notNegative),
  reset_at: Schema.optionalKey(Schema.NullOr(Wire.Instant))
})

const text = Schema.NullOr(Schema.String)
const stamp = Schema.NullOr(Wire.Instant)
const Features = Schema.Record(Schema.String, Schema.Boolean)
const Config = Schema.Struct({ email: text, address: text, terms_url: text, privacy_url: text })

const SubOrganization = Schema.Struct({
  id: Id.Id,
  name: Schema.String,
  verified: Schema.Boolean,
  disabled: Schema.Boolean,
  type: Schema.Literals(["PERSONAL", "TEAM"]),
  plan: Schema.String,
  balance: Schema.Finite,
  promo_balance: Schema.Finite,
  promo_balance_reset_at: stamp,
  billing: Schema.Struct({
    auto_recharge: Schema.Struct({
      enabled: Schema.Boolean,
      recharge_threshold: Schema.NullOr(Schema.Finite),
      recharge_amount: Schema.NullOr(Schema.Finite)
    }),
    spending_cap: Schema.NullOr(
      Schema.Struct({ enabled: Schema.Boolean, amount: Schema.Finite, reset_at: Wire.Instant })
    ),
    payment_method: Schema.NullOr(
      Schema.Struct({
        type: Schema.String,
        payment_method_id: Id.Id,
        brand: text,
        last4: text,
        inactive: Schema.Boolean,
        failed_at: stamp,
        failed_message: text
      })
    ),
    last_low_balance_notification_at: stamp,
    last_out_of_balance_notification_at: stamp,
    last_spending_cap_notification_at: stamp
  }),
  logo_url: text,
  deleted: Schema.Boolean,
  created_at: Wire.Instant,
  spending_cap_used: Schema.Finite,
  updated_at: Wire.Instant,
  role: Schema.String,
  features: Features,
  config: Config,
  parent_org: Schema.NullOr(
    Schema.Struct({
      id: Id.Id,
      name: Schema.String,
      verified: Schema.Boolean,
      logo_url: text,
      plan: Schema.String,
      config: Config,
      features: Features,
      parent_org_id: Schema.NullOr(Id.Id)
    })
  )
})

export const procedure = Procedure.mutation({
  rest: "PATCH /orgs/{org}/orgs/{sub}/billing",
  summary: "Update the billing configuration of a sub-organization",
  scope: "billing:write",
  idempotency: "optional",
  input: Schema.Struct({
    org: Schema.String,
    sub: Schema.String,
    auto_recharge: Recharge,
    spending_cap: Schema.optionalKey(Cap),
    idempotencyKey: Wire.idempotencyKey
  }),
  output: SubOrganization,
  refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
})

type Input = (typeof procedure)["input"]["Type"]
type Output = (typeof procedure)["output"]["Type"]

export const handler: Handler<Input, Output> = Effect.fnUntraced(function* (input, caller) {
  const { db } = yield* Database.Database
  const { org, sub, auto_recharge: recharge, spending_cap: cap } = input
  const client = yield* Effect.promise(() => below(db, caller, org, sub))
  if (client === undefined) return yield* Effect.fail({ _tag: "NotFound", what: "client", id: sub } as const)
  const { currency } = client
  const limit = cap?.amount === undefined ? undefined : minorOf(cap.amount, currency)
  if (cap?.amount !== undefined && limit === undefined) return yield* Effect.fail(tooFine(currency))
  const changed = yield* updateBilling(caller, {
    client: client.id,
    autoRecharge: {
      enabled: recharge.enabled,
      ...(recharge.recharge_threshold === undefined ? {} : { threshold: recharge.recharge_threshold }),
      ...(recharge.recharge_amount === undefined ? {} : { amount: recharge.recharge_amount }),
      consent: recharge.enabled
    },
    ...(cap === undefined
      ? {}
      : {
          spendingCap: {
            enabled: cap.enabled,
            ...(limit === undefined ? {} : { limit: { amount: limit, currency } }),
            ...(cap.reset_at == null ? {} : { resetAt: cap.reset_at })
          }
        })
  }).pipe(Effect.mapError(inTheirNames))
  const organization = yield* Effect.promise(() => Organizations.get(db, caller.organization))
  return subOrganization(changed, caller.reach === null ? organization : null)
})

/** The client, where it is below the organization of that name, and within reach. */
const below = async (
  db: Database.Connection["db"],
  caller: Caller,
  org: string,
  sub: string
): Promise<Clients.Client | undefined> => {
  const client = await Clients.find(db, caller, sub)
  const above = org === "c" ? (caller.reach ?? caller.organization) : org
  if (client === undefined) return undefined
  if (above === caller.organization) return caller.reach === null ? client : undefined
  const parent = await Clients.find(db, caller, above)
  return parent !== undefined && client.path.includes(parent.id) ? client : undefined
}

const tooFine = (currency: Currency.Currency): Failure => ({
  _tag: "NotAdmissible",
  reason: "outside_range",
  message: `${currency} has no such fraction: give the amount in whole minor units.`,
  field: "spending_cap.amount"
})

const theirs: Readonly<Record<string, string>> = {
  autoRecharge: "auto_recharge",
  "autoRecharge.enabled": "auto_recharge.enabled",
  "autoRecharge.consent": "auto_recharge.enabled",
  "autoRecharge.threshold": "auto_recharge.recharge_threshold",
  "autoRecharge.amount": "auto_recharge.recharge_amount",
  "autoRecharge.pack": "auto_recharge",
  paymentMethod: "payment_method",
  spendingCap: "spending_cap",
  "spendingCap.enabled": "spending_cap.enabled",
  "spendingCap.limit": "spending_cap.amount",
  "spendingCap.limit.amount": "spending_cap.amount",
  "spendingCap.resetAt": "spending_cap.reset_at"
}

const inTheirNames = (refused: Refused): Refused => {
  const field = refused._tag === "NotAdmissible" ? theirs[refused.field ?? ""] : undefined
  return refused._tag === "NotAdmissible" && field !== undefined ? { ...refused, field } : refused
}

const credits = (amount: bigint): number => Number(amount) / 1_000_000

/** What the platform names; a client may have others. */
const named = [
  "enterprise",
  "allow_overdraft",
  "workflows",
  "broadcasts",
  "enable_japifon",
  "custom_domain",
  "slack_access"
]

const featuresOf = (features: Readonly<Record<string, boolean>>, overdraftLimit: bigint) => ({
  ...Object.fromEntries(named.map((name) => [name, false])),
  ...features,
  allow_overdraft: overdraftLimit > 0n
})

const configOf = (email: string | null, config: Readonly<Record<string, string>>) => ({
  email: email ?? config["email"] ?? null,
  address: config["address"] ?? null,
  terms_url: config["terms_url"] ?? null,
  privacy_url: config["privacy_url"] ?? null
})

const subOrganization = (client: ClientDetail, organization: Organizations.Organization | null): Output => {
  const { autoRecharge, spendingCap, paymentMethod, notifications, promo } = client.billing
  const { currency, metadata } = client
  return {
    id: client.id,
    name: client.name,
    verified: client.onboardedAt !== null,
    disabled: client.effectiveStatus === "suspended",
    type: metadata["type"] === "PERSONAL" ? "PERSONAL" : "TEAM",
    plan: client.plan?.key ?? "free",
    balance: credits(client.balances.balance),
    promo_balance: credits(promo.balance),
    promo_balance_reset_at: promo.resetAt,
    billing: {
      auto_recharge: {
        enabled: autoRecharge?.enabled ?? false,
        recharge_threshold: autoRecharge === null ? null : credits(autoRecharge.threshold),
        recharge_amount: autoRecharge === null ? null : credits(autoRecharge.amount)
      },
      spending_cap:
        spendingCap === null
          ? null
          : {
              enabled: spendingCap.enabled,
              amount: majorOf(spendingCap.limit.amount * 1_000_000n, currency),
              reset_at: spendingCap.resetAt
            },
      payment_method:
        paymentMethod === null
          ? null
          : {
              type: paymentMethod.type,
              payment_method_id: paymentMethod.id,
              brand: paymentMethod.brand,
              last4: paymentMethod.last4,
              inactive: paymentMethod.inactive,
              failed_at: paymentMethod.failedAt,
              failed_message: paymentMethod.failedMessage
            },
      last_low_balance_notification_at: notifications.lowBalanceAt,
      last_out_of_balance_notification_at: notifications.outOfBalanceAt,
      last_spending_cap_notification_at: notifications.spendingCapAt
    },
    logo_url: client.logoUrl,
    deleted: client.status === "closed",
    created_at: client.createdAt,
    spending_cap_used: spendingCap === null ? 0 : majorOf(spendingCap.used, currency),
    updated_at: client.updatedAt,
    role: client.role,
    features: featuresOf(client.features, client.billing.overdraftLimit),
    config: configOf(client.email, client.config),
    parent_org: parentOf(client, organization)
  }
}

/** Above a root there is the organization itself, which lacks no feature. */
const parentOf = ({ parentClient }: ClientDetail, organization: Organizations.Organization | null) => {
  if (parentClient !== null)
    return {
      id: parentClient.id,
      name: parentClient.name,
      verified: parentClient.onboardedAt !== null,
      logo_url: parentClient.logoUrl,
      plan: parentClient.plan?.key ?? "free",
      config: configOf(parentClient.email, parentClient.config),
      features: featuresOf(parentClient.features, parentClient.overdraftLimit),
      parent_org_id: parentClient.parent ?? organization?.id ?? null
    }
  return organization === null
    ? null
    : {
        id: organization.id,
        name: organization.name,
        verified: true,
        logo_url: organization.settings.logoUrl,
        plan: "business",
        config: configOf(null, {}),
        features: Object.fromEntries(named.map((name) => [name, true])),
        parent_org_id: null
      }
}
