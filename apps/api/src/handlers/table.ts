/** What answers each procedure. It does not compile with one missing. */
import type { KeyObject } from "node:crypto"
import type { Api } from "@capstan/contract"
import type * as Handlers from "../Handlers.ts"
import type { Ready, Unready } from "../Readiness.ts"
import { accessTokens } from "./accessTokens.ts"
import { caps } from "./caps.ts"
import { clients } from "./clients.ts"
import { credits } from "./credits.ts"
import { gateways } from "./gateways.ts"
import { leases } from "./leases.ts"
import { organization } from "./organization.ts"
import { paymentMethods } from "./paymentMethods.ts"
import { subscriptions } from "./subscriptions.ts"
import { system } from "./system.ts"

export interface Needs {
  readonly pepper: KeyObject
  readonly probe: () => Promise<Ready | Unready>
}

export const handlers = ({ pepper, probe }: Needs): Handlers.Of<Api> => ({
  organization,
  clients,
  subscriptions,
  credits: { ...credits, ...leases },
  caps,
  gateways,
  paymentMethods,
  accessTokens: accessTokens(pepper),
  system: system(probe)
})
