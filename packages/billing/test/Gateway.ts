/** The port to payment providers where a test has none: to ask one is a fault. */
import { PaymentGateway } from "@capstan/billing"
import { Layer } from "effect"

const nobody = (): never => {
  throw new Error("No payment provider is in this test")
}

export const layer = Layer.succeed(PaymentGateway.PaymentGateway, { gateways: {}, seal: nobody, unseal: nobody })
