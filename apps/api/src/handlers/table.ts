/** What answers each procedure. It does not compile with one missing. */
import type { Api } from "@capstan/contract"
import type * as Handlers from "../Handlers.ts"
import type { Ready, Unready } from "../Readiness.ts"
import { accessTokens } from "./accessTokens.ts"
import { caps } from "./caps.ts"
import { clients } from "./clients.ts"
import { credits } from "./credits.ts"
import { events } from "./events.ts"
import { gateways } from "./gateways.ts"
import { invitations } from "./invitations.ts"
import { leases } from "./leases.ts"
import { members } from "./members.ts"
import { operators } from "./operators.ts"
import { orders } from "./orders.ts"
import { organization } from "./organization.ts"
import { paymentMethods } from "./paymentMethods.ts"
import { payments } from "./payments.ts"
import { products } from "./products.ts"
import { type Links, raises } from "./raises.ts"
import { recharge } from "./recharge.ts"
import { sessions } from "./sessions.ts"
import { subscriptions } from "./subscriptions.ts"
import { system } from "./system.ts"

export interface Needs extends Links {
  readonly probe: () => Promise<Ready | Unready>
}

export const handlers = ({ pepper, probe, publicUrl }: Needs): Handlers.Of<Api> => ({
  organization,
  operators,
  clients,
  members,
  invitations: invitations(pepper),
  products,
  subscriptions,
  credits: { ...credits, ...leases },
  caps,
  raises: raises({ pepper, publicUrl }),
  recharge,
  gateways,
  paymentMethods,
  orders,
  payments,
  sessions: sessions(pepper),
  accessTokens: accessTokens(pepper),
  events,
  system: system(probe)
})
