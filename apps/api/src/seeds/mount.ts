/** Requests of other platforms, answered at their own paths: procedures of their own, by thin adapters to ours. */
import type { Hono } from "hono"
import * as Call from "../Call.ts"
import type { Handler } from "../Handlers.ts"
import * as rest from "../rest.ts"
import * as Visit from "../Visit.ts"
import * as clientWorkspaces from "./clientWorkspaces.ts"
import * as enterpriseClients from "./enterpriseClients.ts"
import * as subOrganizationBilling from "./subOrganizationBilling.ts"

export const mount = (app: Hono, terms: Call.Terms, needs: Visit.Needs): void => {
  const single = { clientWorkspaces, subOrganizationBilling }
  const calls = Object.entries(single).map(([name, { procedure, handler }]) =>
    Call.of(`seeds.${name}`, procedure, handler as Handler<unknown, unknown>, terms)
  )
  rest.mount(app, calls, needs, { tokenOf })

  const clients = enterpriseClients.names.map((name) =>
    Call.of(
      `seeds.enterpriseClients.${name}`,
      enterpriseClients.procedures[name],
      enterpriseClients.handlers[name] as Handler<unknown, unknown>,
      terms
    )
  )
  rest.mount(app, clients, needs, { tokenOf, bodyOf: enterpriseClients.bodyOf })
}

/** Where they look for it: `X-Api-Key`, or as everywhere. */
const tokenOf = (headers: Headers): string | null => headers.get("x-api-key") ?? Visit.tokenOf(headers)
