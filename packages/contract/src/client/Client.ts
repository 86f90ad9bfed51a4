/** What an answer shows of a client: its own facts, and in detail its balances, its team and how it pays. */
import { Address, Calendar, ClientLifecycle, Currency, Id } from "@capstan/domain"
import { Schema } from "effect"
import * as Billing from "../Billing.ts"
import * as Reactivation from "../Reactivation.ts"
import * as Wire from "../Wire.ts"
import { workspace } from "./Workspace.ts"

export const SubscriptionStatus = Schema.Literals([
  "pending_onboarding",
  "suspended",
  "closed",
  "incomplete",
  "trialing",
  "active",
  "past_due",
  "paused",
  "canceled",
  "none"
])
export type SubscriptionStatus = typeof SubscriptionStatus.Type

const Suspension = Schema.Struct({ ...ClientLifecycle.Suspension.fields, at: Wire.Instant }).annotate({
  identifier: "Suspension"
})

const client = {
  id: Id.Id,
  externalId: Schema.NullOr(Wire.ExternalId),
  name: Schema.String,
  email: Schema.NullOr(Schema.String),
  metadata: Wire.Metadata,
  billingName: Schema.NullOr(Schema.String).annotate({
    description: "As invoices have it, where that is not its name."
  }),
  billingAddress: Schema.NullOr(Address.Address),
  taxId: Schema.NullOr(Schema.String),
  taxIdType: Schema.NullOr(Schema.String).annotate({
    description:
      "What the tax id is: `eu_vat`, or by its country, such as `ch_vat`; `us_tax_id` where it is not checked."
  }),
  locale: Schema.NullOr(Schema.String).annotate({ description: "A language tag of BCP 47, in its canonical form." }),
  logoUrl: Schema.NullOr(Schema.String),
  etag: Wire.etag,
  status: ClientLifecycle.Status.annotate({ description: "What the client's own facts say." }),
  effectiveStatus: ClientLifecycle.Status.annotate({
    description: "The same, where the suspension of an ancestor counts as its own."
  }),
  suspendedBy: Schema.Array(Reactivation.SuspendedBy),
  suspensions: Schema.Array(Suspension).annotate({ description: "Its own, at most one for each cause." }),
  subscriptionStatus: SubscriptionStatus.annotate({
    description: "The client's status unless it is active, else that of its base subscription; `none` without one."
  }),
  parent: Schema.NullOr(Id.Id),
  path: Schema.Array(Id.Id).annotate({ description: "Its ancestors, the root first." }),
  currency: Currency.Currency,
  timeZone: Calendar.Zone,
  payer: Id.Id.annotate({ description: "Whose wallet it draws on: its own, or that of an ancestor." }),
  usesParentBalance: Schema.Boolean,
  onboardedAt: Schema.NullOr(Wire.Instant),
  deletedAt: Schema.NullOr(Wire.Instant),
  createdAt: Wire.Instant,
  updatedAt: Wire.Instant
}

export const Client = Schema.Struct(client).annotate({ identifier: "Client" })
export interface Client extends Schema.Schema.Type<typeof Client> {}

export const Balances = Schema.Struct({
  balance: Wire.decimal("What the lots hold, less what is owed. Held credits are not in it."),
  available: Wire.decimal("What could be spent now, within all caps."),
  held: Wire.decimal("What holds pin."),
  promo: Wire.decimal("What is left of credits that were given."),
  included: Wire.decimal("What is left of the plan's recurring credits."),
  extra: Wire.decimal("What is left of bought credits."),
  overage: Wire.decimal("Spent beyond the lots, to be invoiced at the period's end."),
  overdraft: Wire.decimal("Spent beyond the lots, to be paid by the next grant."),
  debt: Wire.decimal("Owed after chargebacks; the next grant pays it first.")
}).annotate({ identifier: "Balances", description: "Of the payer's wallet, in credits." })

const features = Schema.Record(Schema.String, Schema.Boolean).annotate({
  description: "By the keys `features.<name>` of its metadata; a client has only those that all above it have as well."
})
const config = Schema.Record(Schema.String, Schema.String).annotate({
  description: "By the keys `config.<name>` of its metadata."
})

const Pinned = Schema.Struct({
  key: Wire.PlanKey,
  version: Schema.Int,
  name: Schema.String,
  subscription: Id.Id
}).annotate({ identifier: "PinnedPlan", description: "Of its base subscription." })

const Parent = Schema.Struct({
  id: Id.Id,
  name: Schema.String,
  email: Schema.NullOr(Schema.String),
  status: ClientLifecycle.Status,
  onboardedAt: Schema.NullOr(Wire.Instant),
  plan: Schema.NullOr(Pinned),
  logoUrl: Schema.NullOr(Schema.String),
  features,
  config,
  overdraftLimit: Wire.Decimal,
  parent: Schema.NullOr(Id.Id)
}).annotate({ identifier: "ParentClient" })

export const ClientDetail = Schema.Struct({
  ...client,
  ...workspace,
  balances: Balances,
  unlimitedCredits: Schema.Boolean,
  nextCreditRenewalAt: Schema.NullOr(Wire.Instant),
  logoUrl: Schema.NullOr(Schema.String).annotate({
    description: "Its own, or by the key `logoUrl` of its metadata where it has none."
  }),
  features,
  config,
  billing: Billing.Billing,
  parentClient: Schema.NullOr(Parent).annotate({
    description: "Null at the root, and where the token does not reach above this client."
  }),
  role: Schema.Literals(["OWNER", "ADMIN", "DEVELOPER", "MANAGER", "STAFF"]).annotate({
    description:
      "The caller's, in this client: a member's own by their session; of a token, ADMIN from above it, DEVELOPER where the token is the client's own, STAFF where that only reads."
  })
}).annotate({ identifier: "ClientDetail" })
export interface ClientDetail extends Schema.Schema.Type<typeof ClientDetail> {}
