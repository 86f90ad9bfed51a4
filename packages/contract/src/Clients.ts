/** Clients: the customers of an organization, in trees. */
import { Calendar, ClientLifecycle, Credits, Currency } from "@capstan/domain"
import { Schema } from "effect"
import * as Billing from "./Billing.ts"
import { Client, ClientDetail, SubscriptionStatus } from "./client/Client.ts"
import * as ClientImport from "./ClientImport.ts"
import * as Page from "./Page.ts"
import { download, mutation, query } from "./Procedure.ts"
import * as Reactivation from "./Reactivation.ts"
import * as Wire from "./Wire.ts"

export { Balances, Client, ClientDetail, SubscriptionStatus } from "./client/Client.ts"

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
