/** Makes one of a client's payment methods the one that is charged. */
import type { Id } from "@capstan/domain"
import { type Caller, PaymentMethods } from "@capstan/store"
import { Result } from "effect"
import { onClient } from "../Doors.ts"

export interface Input {
  readonly client: string
  readonly method: Id.Id
}

export const setDefaultMethod = (caller: Caller, { client: ref, method: id }: Input) =>
  onClient<PaymentMethods.PaymentMethod>(
    caller,
    { procedure: "paymentMethods.setDefault", client: ref, payload: { method: id } },
    async (trx, { record }, parts) => {
      const { organization } = caller
      const client = parts.client.id
      const method = await PaymentMethods.byId(trx, organization, id)
      if (method === undefined || method.client !== client || method.removedAt !== null)
        return Result.fail({ _tag: "NotFound", what: "paymentMethod", id })
      if (method.isDefault) return Result.succeed(method)
      if (method.inactive)
        return Result.fail({
          _tag: "NotAdmissible",
          reason: "payment_method_inactive",
          message: `The method has failed (${method.failedMessage}): have it entered anew, or take another.`,
          field: "method"
        })
      const before = await PaymentMethods.defaultOf(trx, organization, client)
      await PaymentMethods.setDefault(trx, organization, method)
      const payload = { method: id, before: before?.id ?? null, after: id }
      record({ client, kind: "payment_method.default_changed", payload })
      return Result.succeed({ ...method, isDefault: true })
    }
  )
