/** The whole api: every procedure by its name. */
import * as AccessTokens from "./AccessTokens.ts"
import * as Caps from "./Caps.ts"
import * as Clients from "./Clients.ts"
import * as ClientState from "./ClientState.ts"
import * as Credits from "./Credits.ts"
import * as Events from "./Events.ts"
import * as Gateways from "./Gateways.ts"
import * as Invitations from "./Invitations.ts"
import * as Leases from "./Leases.ts"
import * as Members from "./Members.ts"
import * as Operators from "./Operators.ts"
import * as Orders from "./Orders.ts"
import * as Organization from "./Organization.ts"
import * as PaymentMethods from "./PaymentMethods.ts"
import * as Payments from "./Payments.ts"
import { list, type RouterOf } from "./Procedure.ts"
import * as Products from "./Products.ts"
import * as Raises from "./Raises.ts"
import * as Recharge from "./Recharge.ts"
import * as Sessions from "./Sessions.ts"
import * as Subscriptions from "./Subscriptions.ts"
import * as System from "./System.ts"

export const api = {
  organization: Organization.procedures,
  operators: Operators.procedures,
  clients: { ...Clients.procedures, ...ClientState.procedures },
  members: Members.procedures,
  invitations: Invitations.procedures,
  products: Products.procedures,
  subscriptions: Subscriptions.procedures,
  credits: { ...Credits.procedures, ...Leases.procedures },
  caps: Caps.procedures,
  raises: Raises.procedures,
  recharge: Recharge.procedures,
  gateways: Gateways.procedures,
  paymentMethods: PaymentMethods.procedures,
  orders: Orders.procedures,
  payments: Payments.procedures,
  sessions: Sessions.procedures,
  accessTokens: AccessTokens.procedures,
  events: Events.procedures,
  system: System.procedures
}
export type Api = typeof api
export type Router = RouterOf<Api>

export const procedures = list(api)
