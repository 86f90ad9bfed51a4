/**
 * Removes a client's payment method, here first and then at the provider's: of a method that could not be detached there,
 * nothing is charged, and asking again detaches it. Was it the default, the newest of the others that works takes its place.
 */
import type { Id } from "@capstan/domain"
import { type Caller, Connections, Database, type Failure, PaymentMethods } from "@capstan/store"
import { Effect, Result } from "effect"
import { onClient } from "../Doors.ts"
import { PaymentGateway } from "./PaymentGateway.ts"
import * as Provider from "./Provider.ts"

export interface Input {
  readonly client: string
  readonly method: Id.Id
}

export const removeMethod = Effect.fnUntraced(function* (caller: Caller, input: Input) {
  const removed = yield* remove(caller, input)
  const { organization } = caller
  const { db } = yield* Database.Database
  const payments = yield* PaymentGateway
  const kept = yield* Effect.promise(() => Connections.byId(db, organization, removed.connection))
  const opened = kept === undefined ? undefined : Provider.open(payments, organization, kept)
  // Where the connection cannot be used any more, nothing can be charged with it either.
  if (opened === undefined || Result.isFailure(opened)) return removed
  const { gateway, connection } = opened.success
  yield* Effect.tryPromise({
    try: () => gateway.detach(connection, removed.reference),
    catch: (): Failure => ({ _tag: "OutcomeUnknown", retryAfterMs: Provider.retryAfterMs })
  })
  return removed
})

const remove = (caller: Caller, { client: ref, method: id }: Input) =>
  onClient<PaymentMethods.PaymentMethod>(
    caller,
    { procedure: "paymentMethods.remove", client: ref, payload: { method: id } },
    async (trx, { at, record }, parts) => {
      const { organization } = caller
      const client = parts.client.id
      const method = await PaymentMethods.byId(trx, organization, id)
      if (method === undefined || method.client !== client)
        return Result.fail({ _tag: "NotFound", what: "paymentMethod", id })
      if (method.removedAt !== null) return Result.succeed(method)
      if (await PaymentMethods.isPaying(trx, organization, id))
        return Result.fail(inUse("A payment with it is under way"))
      const others = (await PaymentMethods.ofClient(trx, organization, client)).filter((other) => other.id !== id)
      const next = others.find(({ isDefault, inactive }) => isDefault || !inactive)
      if (next === undefined && (await PaymentMethods.isRecharging(trx, organization, client)))
        return Result.fail(inUse("Auto-recharge is on, and has no other: switch it off, or have another entered"))

      await PaymentMethods.remove(trx, organization, id, at)
      record({ client, kind: "payment_method.removed", payload: { method: id, connection: method.connection } })
      if (method.isDefault && next !== undefined) {
        await PaymentMethods.setDefault(trx, organization, next)
        record({
          client,
          kind: "payment_method.default_changed",
          payload: { method: next.id, before: id, after: next.id }
        })
      }
      return Result.succeed({ ...method, removedAt: at })
    }
  )

const inUse = (why: string): Failure => ({
  _tag: "NotAdmissible",
  reason: "payment_method_in_use",
  message: `${why}.`,
  field: "method"
})
