/** The way to the provider of a connection: its gateway, and the account with its secret opened. */
import type { Id } from "@capstan/domain"
import type { Connections } from "@capstan/store"
import type { Connection, Gateway, PaymentGateway } from "./PaymentGateway.ts"

/** Undefined where this installation does not know the provider, or cannot open the secret. */
export const open = (
  { gateways, unseal }: PaymentGateway["Service"],
  organization: Id.Id,
  { id, gateway: name, sealed }: Connections.Connection
): { readonly gateway: Gateway; readonly account: Connection } | undefined => {
  const gateway = gateways[name]
  if (gateway === undefined) return undefined
  try {
    return { gateway, account: { organization, id, secret: unseal(sealed, { organization, connection: id }) } }
  } catch {
    return undefined
  }
}
