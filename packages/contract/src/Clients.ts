/** Clients: the customers of an organization, in trees. */
import { Address, Calendar, ClientLifecycle, Credits, Currency, Id, Money, Role } from "@capstan/domain"
import { Schema } from "effect"
import * as Billing from "./Billing.ts"
import * as ClientImport from "./ClientImport.ts"
import * as Page from "./Page.ts"
import { download, mutation, query } from "./Procedure.ts"
import * as Reactivation from "./Reactivation.ts"
import * as Wire from "./Wire.ts"

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

const shownPlan = {
  id: Id.Id.annotate({ description: "Of the version." }),
  key: Wire.PlanKey,
  version: Schema.Int,
  name: Schema.String,
  price: Money.Money.annotate({ description: "For one interval." }),
  interval: Calendar.Interval,
  creditsIncluded: Wire.Decimal,
  creditInterval: Schema.NullOr(Calendar.Interval).annotate({ description: "Null where they never renew." })
}

const User = Schema.Struct({
  id: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role.Member,
  completedOnboarding: Schema.Boolean,
  lastSeenAt: Schema.NullOr(Wire.Instant)
}).annotate({ identifier: "WorkspaceUser" })

const PendingInvitation = Schema.Struct({
  id: Id.Id,
  email: Schema.String,
  name: Schema.NullOr(Schema.String),
  role: Role.Member,
  createdAt: Wire.Instant,
  expiresAt: Wire.Instant,
  isExpired: Schema.Boolean
}).annotate({ identifier: "WorkspaceInvitation" })

/** A client as the workspace of a team. */
const workspace = {
  plan: Schema.NullOr(
    Schema.Struct({ ...shownPlan, subscription: Id.Id }).annotate({
      identifier: "WorkspacePlan",
      description: "Of its base subscription."
    })
  ),
  pendingPlan: Schema.NullOr(
    Schema.Struct({ ...shownPlan, effectiveAt: Schema.NullOr(Wire.Instant) }).annotate({
      identifier: "WorkspacePendingPlan",
      description: "What waits for the end of the period."
    })
  ),
  currentPeriodStart: Schema.NullOr(Wire.Instant).annotate({ description: "The money period." }),
  currentPeriodEnd: Schema.NullOr(Wire.Instant),
  creditPeriodStart: Schema.NullOr(Wire.Instant).annotate({
    description: "When credits were last renewed; null where none ever were, and use is counted from the beginning."
  }),
  creditsUsedThisPeriod: Schema.NullOr(
    Wire.decimal("Spent by the client since then, less what was reversed; null beyond 200 000 entries.")
  ),
  seatsLimit: Schema.NullOr(Schema.Int).annotate({ description: "Null where there may be any number." }),
  usersCount: Schema.Int,
  users: Schema.Array(User).annotate({ description: "The first 100; `members.list` has all." }),
  pendingInvitations: Schema.Array(PendingInvitation).annotate({
    description: "The first 100, also those whose time is over; `invitations.list` has all."
  })
}

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

const clearable = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** Who a client is, besides its name: what is absent stays, null clears. */
const profile = {
  email: clearable(Wire.Email),
  billingName: clearable(
    Wire.line(1, 200).annotate({ description: "As invoices are to have it, where that is not its name." })
  ),
  billingAddress: clearable(Wire.Address),
  taxId: clearable(Wire.TaxId),
  locale: clearable(Wire.Locale),
  logoUrl: clearable(Wire.HttpsUrl)
}

const one = { client: Wire.ClientRef }

const { many } = Wire
const repeated = "May be given several times: any of them will do."

/** Which clients, and in which order. */
const filters = {
  query: Schema.optionalKey(
    Wire.line(1, 200).annotate({
      description: "Part of the name, the e-mail address, the billing name or the external id, in upper or lower case."
    })
  ),
  status: Schema.optionalKey(Wire.described(many(ClientLifecycle.Status), `What its own facts say. ${repeated}`)),
  effectiveStatus: Schema.optionalKey(
    Wire.described(many(ClientLifecycle.Status), `Where the suspension of an ancestor counts as its own. ${repeated}`)
  ),
  subscriptionStatus: Schema.optionalKey(Wire.described(many(SubscriptionStatus), repeated)),
  plan: Schema.optionalKey(Wire.described(many(Wire.PlanKey), `The plan of its base subscription. ${repeated}`)),
  suspendedBy: Schema.optionalKey(
    Wire.described(many(ClientLifecycle.Cause), `Why it, or an ancestor, is suspended. ${repeated}`)
  ),
  email: Schema.optionalKey(Wire.described(many(Wire.Email), `The whole address, in upper or lower case. ${repeated}`)),
  externalId: Schema.optionalKey(Wire.described(many(Wire.ExternalId), repeated)),
  parent: Schema.optionalKey(Wire.described(many(Wire.ClientRef), `Directly below it. ${repeated}`)),
  metadata: Schema.optionalKey(Wire.MetadataFilter),
  createdAfter: Schema.optionalKey(Wire.instant("Exclusive.")),
  createdBefore: Schema.optionalKey(Wire.instant("Exclusive.")),
  sorting: Schema.optionalKey(
    Wire.described(
      many(Schema.Literals(["createdAt", "-createdAt", "updatedAt", "-updatedAt", "name", "-name", "email", "-email"])),
      "Newest first unless said; `-` is descending. Given several times, the later ones sort what the earlier ones leave equal."
    )
  )
}
const { idempotencyKey, ifMatch } = Wire

export const procedures = {
  create: mutation({
    rest: "POST /v1/clients",
    summary: "Create a client",
    scope: "clients:write",
    idempotency: "optional",
    status: 201,
    input: Schema.Struct({
      externalId: Schema.optionalKey(Wire.ExternalId),
      parent: Schema.optionalKey(Wire.ClientRef),
      name: Wire.line(1, 200),
      ...profile,
      currency: Schema.optionalKey(
        Currency.Currency.annotate({ description: "That of the parent, or of the organization, unless said." })
      ),
      timeZone: Schema.optionalKey(
        Calendar.Zone.annotate({ description: "That of the parent, or of the organization, unless said." })
      ),
      usesParentBalance: Schema.optionalKey(
        Schema.Boolean.annotate({ description: "It draws on its parent's wallet; its own caps bind all the same." })
      ),
      overdraftLimit: Schema.optionalKey(
        Wire.described(Credits.Amount, "How far it may spend beyond its credits: not at all unless said.")
      ),
      metadata: Schema.optionalKey(Wire.Metadata),
      idempotencyKey
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "not_admissible"]
  }),
  upsert: mutation({
    rest: "PUT /v1/clients/ext:{externalId}",
    summary: "Create a client by its external id, or change the one that there is: what is absent stays, null clears",
    scope: "clients:write",
    idempotency: "optional",
    input: Schema.Struct({
      externalId: Wire.ExternalId,
      parent: Schema.optionalKey(
        Wire.ClientRef.annotate({ description: "Of a new client; one that is there has to stand below it already." })
      ),
      name: Wire.line(1, 200),
      ...profile,
      currency: Schema.optionalKey(Currency.Currency),
      timeZone: Schema.optionalKey(Calendar.Zone),
      metadata: Schema.optionalKey(
        Schema.NullOr(Wire.Metadata).annotate({ description: "All of it: what is not in it is there no more." })
      ),
      idempotencyKey
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "not_admissible"]
  }),
  update: mutation({
    rest: "PATCH /v1/clients/{client}",
    summary: "Change who a client is: what is absent stays, null clears",
    scope: "clients:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      ...one,
      name: Schema.optionalKey(Wire.line(1, 200)),
      ...profile,
      timeZone: Schema.optionalKey(
        Calendar.Zone.annotate({
          description:
            "Windows of caps that are open stay as they are up to their end; subscriptions keep the zone they began in."
        })
      ),
      currency: Schema.optionalKey(
        Currency.Currency.annotate({ description: "Only before anything has been booked in it." })
      ),
      externalId: clearable(Wire.ExternalId),
      relinkExternalId: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "An external id is given once. True gives another all the same; only the organization may."
        })
      ),
      metadata: Schema.optionalKey(
        Schema.NullOr(Wire.Metadata).annotate({ description: "All of it: what is not in it is there no more." })
      ),
      idempotencyKey,
      ifMatch
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "conflict", "precondition_failed", "not_admissible"]
  }),
  delete: mutation({
    rest: "DELETE /v1/clients/{client}",
    summary: "Close a client for good and end all that it has; its history stays, and its external id is free",
    scope: "clients:write",
    idempotency: "optional",
    input: Schema.Struct({
      ...one,
      anonymize: Schema.optionalKey(
        Schema.Boolean.annotate({
          description: "It and its log forget who it was. Also for one that was deleted before."
        })
      ),
      idempotencyKey
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  }),
  import: mutation({
    rest: "POST /v1/clients/import",
    summary: "Bring clients over with what they have; nothing is charged. Each is whole, or refused for itself",
    scope: "clients:write",
    idempotency: "required",
    input: ClientImport.input(profile),
    output: ClientImport.output(Client),
    refuses: ["idempotency_conflict", "not_admissible"]
  }),
  get: query({
    rest: "GET /v1/clients/{client}",
    summary: "Read a client, with its balances",
    scope: "clients:read",
    input: Schema.Struct(one),
    output: ClientDetail,
    refuses: ["resource_not_found"]
  }),
  billing: {
    get: query({
      rest: "GET /v1/clients/{client}/billing",
      summary: "Read how a client pays, and what bounds it",
      scope: "billing:read",
      input: Schema.Struct(one),
      output: ClientDetail,
      refuses: ["resource_not_found"]
    }),
    update: mutation({
      rest: "PATCH /v1/clients/{client}/billing",
      summary: "Change recharge, cap, overdraft, watch or payer of a client: all of it, or nothing",
      scope: "billing:write",
      idempotency: "optional",
      ifMatch: true,
      input: Schema.Struct({ ...one, ...Billing.patch, idempotencyKey, ifMatch }),
      output: ClientDetail,
      refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
    })
  },
  list: query({
    rest: "GET /v1/clients",
    summary: "List clients",
    scope: "clients:read",
    input: Schema.Struct({
      ...filters,
      page: Page.page,
      ...Page.fields
    }),
    output: Page.numberedOf(Client),
    refuses: ["resource_not_found"]
  }),
  export: download({
    rest: "GET /v1/clients/export",
    summary: "Read clients as CSV",
    scope: "clients:read",
    input: Schema.Struct(filters),
    refuses: ["resource_not_found"]
  }),
  suspend: mutation({
    rest: "POST /v1/clients/{client}/suspend",
    summary: "Suspend a client and all below it, as the operator",
    scope: "clients:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      ...one,
      reason: Schema.optionalKey(Schema.NullOr(ClientLifecycle.Reason)),
      note: Schema.optionalKey(Schema.NullOr(ClientLifecycle.Note)),
      idempotencyKey,
      ifMatch
    }),
    output: ClientDetail,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  reactivate: mutation({
    rest: "POST /v1/clients/{client}/reactivate",
    summary: "Lift the operator's suspension of a client; other causes stay. What lapsed meanwhile is charged first",
    scope: "clients:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      ...one,
      preview: Schema.optionalKey(Reactivation.Name),
      note: Schema.optionalKey(
        Schema.NullOr(ClientLifecycle.Note).annotate({ description: "Why, in your words: kept in the event log." })
      ),
      idempotencyKey,
      ifMatch
    }),
    output: ClientDetail,
    refuses: [
      "resource_not_found",
      "idempotency_conflict",
      "precondition_failed",
      "not_admissible",
      "payment_failed",
      "payment_action_required",
      "upstream_error"
    ]
  }),
  previewReactivate: query({
    rest: "POST /v1/clients/{client}/preview-reactivate",
    summary: "Say what a reactivation would come to, and charge; nothing is written",
    scope: "clients:read",
    input: Schema.Struct(one),
    output: Reactivation.Preview,
    refuses: ["resource_not_found", "not_admissible"]
  }),
  children: query({
    rest: "GET /v1/clients/{client}/children",
    summary: "List the clients directly below one, the newest first",
    scope: "clients:read",
    input: Schema.Struct({ ...one, ...Page.fields }),
    output: Page.of(Client),
    refuses: ["resource_not_found"]
  }),
  move: mutation({
    rest: "POST /v1/clients/{client}/move",
    summary: "Move a client, with all below it, below another",
    scope: "clients:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({
      ...one,
      parent: Wire.ClientRef.annotate({ description: "At most 8 deep, in one currency, and not below itself." }),
      idempotencyKey,
      ifMatch
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  detach: mutation({
    rest: "POST /v1/clients/{client}/detach",
    summary: "Make a client a root, with all below it; from then on it draws on its own wallet",
    scope: "clients:write",
    idempotency: "optional",
    ifMatch: true,
    input: Schema.Struct({ ...one, idempotencyKey, ifMatch }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "precondition_failed", "not_admissible"]
  }),
  completeOnboarding: mutation({
    rest: "POST /v1/clients/{client}/complete-onboarding",
    summary: "Let a client begin: it may spend, and its clocks start; where it has, only the member comes on board",
    scope: "clients:write",
    idempotency: "optional",
    input: Schema.Struct({
      ...one,
      member: Schema.optionalKey(
        Wire.MemberRef.annotate({ description: "Who comes on board: by a session of a member, that one, unsaid." })
      ),
      idempotencyKey
    }),
    output: Client,
    refuses: ["resource_not_found", "idempotency_conflict", "not_admissible"]
  })
}
