/**
 * How a client stands: one document, as of one moment, for programs that decide by it. What it has of meters and of
 * benefits comes with those: there are none yet.
 */
import { Id } from "@capstan/domain"
import { Schema } from "effect"
import { Standing } from "./Caps.ts"
import { Balances, Client } from "./Clients.ts"
import * as Problem from "./Problem.ts"
import { query } from "./Procedure.ts"
import { Subscription } from "./Subscriptions.ts"
import * as Wire from "./Wire.ts"

const Entitlements = Schema.Struct({
  use: Schema.Literals(["none", "bought", "all"]).annotate({
    description: "What may be spent: nothing, bought and one-off credits, or all."
  }),
  refusal: Schema.NullOr(Problem.Problem).annotate({ description: "Why nothing may be spent, where nothing may." }),
  invite: Schema.Boolean.annotate({ description: "Whether people may be invited." }),
  features: Schema.Record(Schema.String, Schema.Boolean),
  seats: Schema.Struct({
    limit: Schema.NullOr(Schema.Int).annotate({ description: "Null where there may be any number." }),
    members: Schema.Int,
    invitations: Schema.Int.annotate({ description: "Those that keep a seat." })
  })
}).annotate({ identifier: "Entitlements" })

const Credits = Schema.Struct({
  ...Balances.fields,
  payer: Id.Id.annotate({ description: "Whose wallet it is: the client's, or that of an ancestor." }),
  unlimited: Schema.Boolean,
  nextExpiry: Schema.NullOr(Schema.Struct({ at: Wire.Instant, amount: Wire.Decimal })).annotate({
    description: "The credits that expire next."
  }),
  nextRenewalAt: Schema.NullOr(Wire.Instant).annotate({
    description: "When the plan's credits are next renewed; null while that clock stands, or never strikes."
  })
}).annotate({ identifier: "StateCredits" })

export const ClientState = Schema.Struct({
  at: Wire.Instant,
  client: Client,
  subscriptions: Schema.Array(Subscription).annotate({
    description: "Those that live, whatever their status, and the last where none does; the base one first."
  }),
  entitlements: Entitlements,
  credits: Credits,
  caps: Schema.Array(Standing).annotate({ description: "All that bind it: its own, and those of its ancestors." })
}).annotate({ identifier: "ClientState" })
export interface ClientState extends Schema.Schema.Type<typeof ClientState> {}

export const procedures = {
  state: query({
    rest: "GET /v1/clients/{client}/state",
    summary: "Read how a client stands in one call: lifecycle, subscriptions, entitlements, credits and caps",
    scope: "clients:read",
    input: Schema.Struct({ client: Wire.ClientRef }),
    output: ClientState,
    refuses: ["resource_not_found"]
  })
}
