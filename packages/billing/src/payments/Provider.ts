/** A connection that is ready to be used: the provider's gateway, and the secret opened. */
import type { Id } from "@capstan/domain"
import type { Connections, Failure } from "@capstan/store"
import { Result } from "effect"
import type { Connection, Gateway, PaymentGateway } from "./PaymentGateway.ts"

export interface Provider {
  readonly gateway: Gateway
  readonly connection: Connection
}

export const open = (
  { gateways, unseal }: PaymentGateway["Service"],
  organization: Id.Id,
  { id, gateway: name, sealed }: Connections.Connection
): Result.Result<Provider, Failure> => {
  const gateway = Object.hasOwn(gateways, name) ? gateways[name] : undefined
  if (gateway === undefined) return Result.fail(refused(`There is no payment provider ${name} here any more.`))
  try {
    return Result.succeed({
      gateway,
      connection: { organization, id, secret: unseal(sealed, [organization, id]) }
    })
  } catch {
    return Result.fail(
      refused(
        `The secret of connection ${id} was sealed under another CAPSTAN_SECRET: bring that back, or connect anew.`
      )
    )
  }
}

const refused = (message: string): Failure => ({ _tag: "NotAdmissible", reason: "gateway_refused", message })

/** After which time a provider that did not answer may be asked again. */
export const retryAfterMs = 2_000
