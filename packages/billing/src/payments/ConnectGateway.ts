/**
 * Connects an account with a payment provider. The secret is tried first; it is kept sealed, and answered never again. In a
 * sandbox no money moves, so only test accounts are taken there, and elsewhere none.
 */
import { type Caller, CommandKeys, Connections, Database, type Failure, Ids, Key, Organizations } from "@capstan/store"
import { Effect, Result } from "effect"
import { change, forAll, type Refused } from "../Doors.ts"
import { PaymentGateway } from "./PaymentGateway.ts"
import { retryAfterMs } from "./Provider.ts"

export interface Input {
  /** The provider's name, such as `sandbox`. */
  readonly gateway: string
  readonly name: string | null
  /** Null where the provider needs none of its own. */
  readonly secret: string | null
}

export type Connected = Omit<Connections.Connection, "sealed">

export const connectGateway = Effect.fnUntraced(function* (caller: Caller, input: Input) {
  const { organization, now } = caller
  const { gateways, seal } = yield* PaymentGateway
  const { db } = yield* Database.Database
  const bound = forAll(caller)
  if (bound !== undefined) return yield* Effect.fail<Refused>(bound)
  const gateway = Object.hasOwn(gateways, input.gateway) ? gateways[input.gateway] : undefined
  if (gateway === undefined)
    return yield* Effect.fail<Refused>(
      inadmissible(
        "gateway_refused",
        "gateway",
        `There is no such provider: take ${Object.keys(gateways).join(" or ")}.`
      )
    )
  const secret = input.secret ?? gateway.makeSecret?.()
  if (secret === undefined)
    return yield* Effect.fail<Refused>(inadmissible("gateway_refused", "secret", "Give the secret of the account."))
  const id = Ids.mint()
  const { mode } = yield* Effect.promise(() => Organizations.get(db, organization))
  const moves = gateway.mode(secret)
  if (moves !== mode)
    return yield* Effect.fail<Refused>(
      moves === "live" ? inadmissible(...liveInSandbox) : inadmissible(...sandboxInLive)
    )
  const state = yield* Effect.promise(() => gateway.state({ organization, id, secret }))
  if (state === "refused")
    return yield* Effect.fail<Refused>(
      inadmissible("gateway_refused", "secret", "The provider does not take this secret: copy it whole.")
    )
  if (state === "unreachable")
    return yield* Effect.fail<Refused>({ _tag: "Upstream", upstream: input.gateway, retryAfterMs })

  return yield* change<Connected>(caller, [], (trx, { record }) => {
    const procedure = "gateways.connect"
    const asked = { ...caller, procedure, hash: Key.hash(procedure, input) }
    return CommandKeys.once<Connected, Refused>(trx, asked, async () => {
      const name = input.name ?? input.gateway
      const connected = { id, gateway: input.gateway, name, createdAt: now, disconnectedAt: null }
      const sealed = seal(secret, [organization, id])
      await Connections.insert(trx, organization, { ...connected, sealed })
      record({ client: null, kind: "gateway.connected", payload: { connection: id, gateway: input.gateway, name } })
      return Result.succeed(connected)
    })
  })
})

const inadmissible = (reason: string, field: string, message: string): Failure => ({
  _tag: "NotAdmissible",
  reason,
  message,
  field
})

const liveInSandbox = [
  "live_in_sandbox",
  "secret",
  "This is a sandbox, where no money moves: connect a test account, or the provider `sandbox`."
] as const
const sandboxInLive = [
  "sandbox_in_live",
  "gateway",
  "With this account no money moves, and this organization is live: connect a live account."
] as const
