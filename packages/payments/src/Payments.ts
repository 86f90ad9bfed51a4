/** The providers that there are, and the key that their secrets are sealed under. */
import { PaymentGateway } from "@capstan/billing"
import { Database, Sealed } from "@capstan/store"
import { Effect, Layer } from "effect"
import * as Sandbox from "./sandbox/Sandbox.ts"

export interface Options {
  readonly sandbox?: Partial<Sandbox.Options>
}

/** Under the secret of the installation. */
export const layer = (
  secret: string,
  { sandbox = {} }: Options = {}
): Layer.Layer<PaymentGateway.PaymentGateway, never, Database.Database> =>
  Layer.effect(
    PaymentGateway.PaymentGateway,
    Effect.map(Database.Database, (database) => ({
      gateways: { sandbox: Sandbox.open(database, sandbox) },
      ...Sealed.under(secret, "secrets of connections")
    }))
  )
